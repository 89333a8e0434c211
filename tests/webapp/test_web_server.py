"""What only the real web server shows: people sign in while it does other things."""

import re
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.webapp.gunicorn import Gunicorn
from webapp.auth import accounts

BROWSER = {"Accept": "text/html"}


def sign_in(web: Gunicorn, password: str) -> requests.Session:
    """A browser that has sent the sign-in form; where it ended tells whether it was let in."""
    browser = requests.Session()
    page = browser.get(f"{web.url}/sign-in", headers=BROWSER, timeout=30)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert token, page.text
    form = {"email": "ada@example.com", "password": password, "csrf_token": token[1]}
    browser.post(f"{web.url}/sign-in", form, headers=BROWSER, timeout=30, allow_redirects=False)
    return browser


def test_a_person_signs_in_through_the_real_server(web: Gunicorn) -> None:
    accounts.add_user("ada@example.com", "correct horse", "viewer")
    for password, status in (("correct horse", 200), ("correct horsf", 401)):
        browser = sign_in(web, password)
        assert browser.get(f"{web.url}/api/titles", timeout=30).status_code == status


def test_hashing_a_password_holds_nobody_up(odd_web: Gunicorn) -> None:
    answers = 0
    with ThreadPoolExecutor(1) as pool:
        signing_in = pool.submit(sign_in, odd_web, "correct horse")
        while not signing_in.done():
            requests.get(f"{odd_web.url}/healthz", timeout=30).raise_for_status()
            answers += 1
    # One hash, or two the first time, is nearly all of it: who waited for them had one or two.
    assert answers > 4
