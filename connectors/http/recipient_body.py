"""The bodies about recipients: their form, and what they ask for in the words of the domain."""

from pydantic import Field

from connectors.http.addresses import wrong_address
from connectors.http.body import Body, Language, Name, TimeZone, example
from connectors.http.problems import FieldError
from streams.domain.preferences import Choice, Preference
from streams.domain.recipient import Recipient


class RecipientBody(Body):
    """A recipient as it shall be: what is left out is taken away. What they want stays as it is."""

    model_config = example({"addresses": {"email": "ada@example.com"}, "locale": "de-AT", "time_zone": "Europe/Vienna"})

    addresses: dict[str, str] = Field(
        default_factory=dict,
        description="By channel: an e-mail address, a webhook URL, a phone number (E.164).",
        examples=[{"email": "ada@example.com", "webhook": "https://example.com/hooks/tidings", "sms": "+43660123456"}],
    )
    locale: Language | None = Field(None, description="A BCP 47 language tag.", examples=["de-AT"])
    time_zone: TimeZone | None = Field(None, description="An IANA name.", examples=["Europe/Vienna"])
    tenant: Name | None = Field(None, description="The customer it belongs to.")

    def errors(self) -> list[FieldError]:
        """Every address that cannot be right."""
        wrong = ((channel, wrong_address(channel, address)) for channel, address in self.addresses.items())
        return [FieldError(f"addresses.{channel}", said) for channel, said in wrong if said is not None]

    def recipient(self, recipient_id: str) -> Recipient:
        preference = Preference(recipient_id, locale=self.locale, time_zone=self.time_zone)
        return Recipient(recipient_id, preference, self.addresses, self.tenant)


class ChoiceBody(Body):
    """One wish. Names at most one of type and category, and a channel or none; nothing named: everything."""

    wants: bool = Field(description="false: not this.")
    type: str | None = Field(None, description="A type of the catalogue.")
    category: str | None = Field(None, description="A category of the catalogue.", examples=["marketing"])
    channel: str | None = Field(None, description="email, webhook or sms.", examples=["email"])


class PreferencesBody(Body):
    """What a recipient wants, all of it. The most specific choice wins; of two about the same, the later one."""

    model_config = example({"choices": [{"category": "marketing", "channel": "email", "wants": False}]})

    unsubscribed: bool = Field(False, description="true: nothing of a commercial category, on any channel.")
    choices: list[ChoiceBody] = Field(default_factory=list, max_length=200)

    def preference(self, recipient_id: str) -> Preference:
        choices = tuple(Choice(each.wants, each.type, each.category, each.channel) for each in self.choices)
        return Preference(recipient_id, unsubscribed=self.unsubscribed, choices=choices)
