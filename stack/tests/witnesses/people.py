"""The people in front of the browser: they fill in the pages of the provider, form by form, as a browser would.

    person = Person("test", "test")
    callback = person.visit(authorization_url, redirect_uri)  # a URL with ?code=…

Needs nothing but Python.
"""

import html.parser
import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request


class _Page(html.parser.HTMLParser):
    """The one form of a page: where it goes, its fields, its buttons."""

    def __init__(self, text):
        super().__init__()
        self.action, self.fields, self.buttons = None, [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            assert attrs["method"] == "post", "the form is not posted"
            self.action = attrs["action"]
        elif tag == "input":
            self.fields.append(attrs)
        elif tag == "button" and "name" in attrs:
            self.buttons.append(attrs)
        assert attrs.get("role") != "alert", "the page complains"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Person:
    """Somebody who signs in with this name and password, and allows what they are asked for."""

    def __init__(self, username, password, decision="allow"):
        self._answers = {"username": username, "password": password}
        self._decision = decision
        self.pressed = []
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        # The settings of a proxy are not for the loopback interface.
        self._browser = urllib.request.build_opener(cookies, _NoRedirect, urllib.request.ProxyHandler({}))
        self._browser.addheaders = [("Accept", "text/html"), ("Accept-Language", "en")]

    def visit(self, url, target=None):
        """Follows `url` to an address that begins with `target`, or to a page without a form, whose text it returns."""
        body = None
        for _ in range(20):
            try:
                response = self._browser.open(urllib.request.Request(url, body), timeout=20)
            except urllib.error.HTTPError as error:
                response = error
            text = response.read().decode()
            location = response.headers.get("Location")
            if 300 <= response.status < 400 and location:
                url, body = urllib.parse.urljoin(url, location), None
                if target and url.startswith(target):
                    return url
                continue
            assert response.status == 200, f"status {response.status} at {url}: {text[-300:]}"
            page = _Page(text)
            if page.action is None:
                assert target is None, f"the journey ends early, at {url}: {text[-300:]}"
                return text
            body = urllib.parse.urlencode(self._fill_in(page)).encode()
            url = urllib.parse.urljoin(url, page.action)
        raise AssertionError("the pages go round in circles")

    def _fill_in(self, page):
        body = {
            field["name"]: field["value"] if field["type"] == "hidden" else self._answers[field["name"]]
            for field in page.fields
        }
        if page.buttons:
            wanted = [button for button in page.buttons if button["value"] == self._decision]
            button = (wanted or page.buttons)[0]
            body[button["name"]] = button["value"]
            self.pressed.append(button["value"])
        return body
