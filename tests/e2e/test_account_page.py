"""Tokens, people and passwords, as a person at a browser deals with them."""

from collections.abc import Callable

import requests
from playwright.sync_api import expect

from tests.e2e.conftest import PASSWORD, Site, Tab

OpenTab = Callable[..., Tab]


def test_a_token_is_made_used_and_revoked(site: Site, tab: OpenTab) -> None:
    page = tab("editor").open("/account")
    page.fill("#token-name", "nightly import")
    page.get_by_label("upload put videos").check()
    page.get_by_role("button", name="Make token").click()
    secret = page.get_by_label("The new token").input_value()
    headers = {"Authorization": f"Bearer {secret}"}
    listed = f"{site.url}/v1/studio/transcoding-jobs"
    assert requests.get(listed, headers=headers, timeout=30).status_code == 200
    retried = requests.post(f"{listed}/none/retry", headers=headers, timeout=30)
    assert retried.status_code == 403

    page.get_by_role("button", name="Revoke nightly import").click()
    page.locator("#ask-yes").click()
    expect(page.locator("#tokens")).to_contain_text("You have no tokens.")
    assert requests.get(listed, headers=headers, timeout=30).status_code == 401


def test_an_admin_lets_somebody_in_who_sets_a_password(site: Site, tab: OpenTab) -> None:
    admin = tab("admin").open("/people")
    admin.fill("#new-email", "new@example.com")
    admin.get_by_role("button", name="Add", exact=True).click()
    link = admin.get_by_label("Sign-in link of new@example.com").input_value()
    row = admin.locator("article", has_text="new@example.com")
    row.get_by_label("Role of").select_option("editor")
    expect(admin.locator(".toast-card").last).to_contain_text("new@example.com is editor now.")

    newcomer = tab("viewer")
    page = newcomer.page
    page.context.clear_cookies()
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    newcomer.live()
    page = newcomer.open("/account")
    page.fill("#new", PASSWORD)
    page.fill("#again", PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("button", name="Change password")).to_be_visible()
    newcomer.mark()
    page.get_by_role("button", name="Sign out everywhere").click()
    page.wait_for_selector("#password")
    newcomer.sign_in("new@example.com")
