"""Signs in to the demo and makes a key for portal links alone, as a person would; prints it."""

import http.cookiejar
import json
import re
import sys
import urllib.parse
import urllib.request

demo = json.load(open(sys.argv[1]))
cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
browser = urllib.request.build_opener(cookies)
browser.addheaders = [("Origin", demo["url"]), ("Sec-Fetch-Site", "same-origin")]


def page(path, **fields):
    data = urllib.parse.urlencode(fields).encode() if fields else None
    return browser.open(demo["url"] + path, data).read().decode()


def token(html):
    return re.search('name="csrf" value="([^"]+)"', html).group(1)


page("/login", csrf=token(page("/login")), email=demo["email"], password=demo["password"])
keys = f"/t/{demo['tenant']}/p/{demo['project']}/api-keys"
form = token(page(keys + "/new"))
made = page(keys, csrf=form, name="Poor", preset="portal-links", days="7")
print(re.search("bs_[0-9a-f]{48}", made).group(0))
