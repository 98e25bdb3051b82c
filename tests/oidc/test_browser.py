"""The whole way in a real browser. The provider is another site (`localhost`): cookies have to be of the right kind."""

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.oidc.conftest import Place
from tests.oidc.provider import PASSWORD

pytestmark = [pytest.mark.slow, pytest.mark.needs_browser]


def test_in_by_the_button_and_out(place: Place, browser_path: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{place.url}/hub?kind=prompt")
        page.get_by_role("link", name="Sign in with Canaille").click()
        page.wait_for_url(f"{place.provider.issuer}/login**")
        page.locator("input[name=login]").fill("ann")
        page.locator("input[name=login]").press("Enter")
        page.locator("input[type=password]").fill(PASSWORD)
        page.locator("input[type=password]").press("Enter")
        page.wait_for_url(f"{place.url}/hub?kind=prompt")
        expect(page.locator(".who")).to_contain_text("ann")
        page.goto(f"{place.url}/settings/access")
        expect(page.locator("tr[data-actor=ann]")).to_contain_text("identity provider")
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{place.url}/login")  # by way of the provider, which
        page.get_by_role("link", name="Sign in with Canaille").click()
        page.wait_for_url(f"{place.provider.issuer}/login**")  # asks anew
        browser.close()
