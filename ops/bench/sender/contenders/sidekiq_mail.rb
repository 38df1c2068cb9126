# The same mails as jobs of Sidekiq: claim, words by ERB, the gem mail, Net::SMTP, one upsert.
# In its favour: connections and templates are kept from job to job.

require "erb"
require "json"
require "mail"
require "net/smtp"
require "pg"
require "sidekiq"
require "time"

ORDER = JSON.parse(ENV.fetch("TIDINGS_BENCH_ORDER"))
FOLDER = File.join(__dir__, "templates")
SUBJECT, HTML, TEXT = %w[subject.txt.erb mail.html.erb mail.txt.erb].map do |name|
  ERB.new(File.read(File.join(FOLDER, name), encoding: "utf-8"), trim_mode: "-")
end
UPSERT = <<~SQL
  insert into #{ORDER["name"]}
      (delivery_id, notification_id, recipient_id, channel, status, attempt, provider, updated_at)
  values ($1, $2, $3, $4, $5, $6, $7, now())
  on conflict (delivery_id) do update set status = excluded.status, attempt = excluded.attempt,
      provider = excluded.provider, updated_at = excluded.updated_at
SQL
CLAIM_SECONDS = 7 * 24 * 3600

redis = { url: ORDER["redis_url"], size: 12 }
Sidekiq.configure_server { |config| config.redis = redis }

# What each thread keeps from job to job.
class Kept
  attr_reader :relay, :table

  def initialize
    @relay = Net::SMTP.start("127.0.0.1", ORDER["smtp_port"], "shop.example.com", starttls: false)
    @table = PG.connect(ORDER["postgres_dsn"])
    @table.prepare("upsert", UPSERT)
  end

  def self.mine
    Thread.current[:kept] ||= new
  end
end

# The variables of a template.
class Words
  include ERB::Util

  def initialize(values)
    values.each { |name, value| instance_variable_set("@#{name}", value) }
  end

  def of(template)
    template.result(binding).strip
  end
end

class MailJob
  include Sidekiq::Worker

  def perform(delivery)
    claim = "#{ORDER["name"]}:#{delivery["delivery_id"]}"
    return unless Sidekiq.redis { |redis| redis.set(claim, "1", nx: true, ex: CLAIM_SECONDS) }

    told, kept = delivery["notification"], Kept.mine
    address = told["to"]["email"]
    kept.relay.send_message(mail(delivery, address).encoded, "orders@shop.example.com", address)
    kept.table.exec_prepared("upsert", [delivery["delivery_id"], told["notification_id"], told["recipient_id"],
                                        delivery["channel"], "sent", 1, "smtp"])
  end

  def mail(delivery, address)
    words, told = Words.new(JSON.parse(delivery["notification"]["data"])), delivery["notification"]
    Mail.new do
      message_id "<#{delivery["delivery_id"]}@shop.example.com>"
      from '"Harbour & Tide" <orders@shop.example.com>'
      to address
      subject words.of(SUBJECT)
      header["X-Tidings-Delivery-Id"] = delivery["delivery_id"]
      header["X-Tidings-Notification-Id"] = told["notification_id"]
      header["Auto-Submitted"] = "auto-generated"
      text_part { content_type "text/plain; charset=UTF-8"; body words.of(TEXT) }
      html_part { content_type "text/html; charset=UTF-8"; body words.of(HTML) }
    end
  end
end
