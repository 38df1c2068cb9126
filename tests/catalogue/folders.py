"""A small catalogue to break in one place at a time."""

from pathlib import Path

FILES = {
    "categories.toml": '[shipping]\ntitle = "Orders"\n\n[marketing]\ntitle = "News"\ncommercial = true\n',
    "layouts/email.html.liquid": "<body>{{ content }}</body>",
    "order.shipped/type.toml": 'title = "On its way"\ncategory = "shipping"\nchannels = ["email", "webhook"]\n',
    "order.shipped/email.subject.liquid": "Order {{ order }}",
    "order.shipped/email.html.liquid": "<p>{{ order }}</p>",
    "order.shipped/email.text.liquid": "Order {{ order }}",
    "order.shipped/example.json": '{"order": 7}',
}


def write(folder: Path, **changes: str | None) -> Path:
    """The files above in `folder`, changed: name to new content, None: left out. Keys: names as keywords by `**`."""
    for name, text in {**FILES, **changes}.items():
        if text is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return folder
