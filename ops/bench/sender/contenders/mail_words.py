"""The words of the mail by Jinja2, and the mail by the standard library: how most would write it."""

from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import SandboxedEnvironment

_TEMPLATES = Path(__file__).with_name("templates")
_FROM = Address("Harbour & Tide", "orders", "shop.example.com")


class MailWords:
    """Templates are read and compiled once."""

    def __init__(self) -> None:
        environment = SandboxedEnvironment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
        )
        self._subject, self._html, self._text = (
            environment.get_template(name) for name in ("subject.txt", "mail.html", "mail.txt")
        )

    def mail(self, delivery: Mapping[str, Any], address: str, values: Mapping[str, Any]) -> EmailMessage:
        """The whole mail."""
        message = EmailMessage(policy=SMTP)
        message["Message-ID"] = f"<{delivery['delivery_id']}@shop.example.com>"
        message["Date"] = formatdate()
        message["From"] = _FROM
        message["To"] = address
        message["Subject"] = self._subject.render(values).strip()
        message["X-Tidings-Delivery-Id"] = delivery["delivery_id"]
        message["X-Tidings-Notification-Id"] = delivery["notification"]["notification_id"]
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._text.render(values).strip())
        message.add_alternative(self._html.render(values).strip(), subtype="html")
        return message
