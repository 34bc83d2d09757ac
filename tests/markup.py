"""What tests read of a page."""

import html5lib


def parsed(page):
    """The tree of a page in which a strict parser finds no error."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)


def text_of(node):
    """All text in a node of the tree."""
    return "".join(node.itertext())
