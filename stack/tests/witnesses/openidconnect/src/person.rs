//! The person in front of the browser, who fills in the pages of the provider form by form.

use std::collections::HashMap;

use anyhow::{Context as _, bail, ensure};
use openidconnect::url::Url;
use reqwest::blocking::Client;
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;

/// Somebody who signs in and allows what they are asked for.
pub(crate) struct Person {
    browser: Client,
    username: &'static str,
    password: &'static str,
}

impl Person {
    pub(crate) fn new(username: &'static str, password: &'static str) -> anyhow::Result<Self> {
        let browser = Client::builder().cookie_store(true).redirect(Policy::none()).no_proxy().build()?;
        Ok(Self { browser, username, password })
    }

    /// Follows `address` through all pages, until the provider sends the browser to `target`.
    pub(crate) fn visit(&self, address: &str, target: &str) -> anyhow::Result<Url> {
        let mut at = Url::parse(address)?;
        let mut request = self.browser.get(at.clone());
        for _ in 0..15 {
            let response = request.send()?;
            if let Some(location) = response.headers().get(LOCATION) {
                at = at.join(location.to_str()?)?;
                if at.as_str().starts_with(target) {
                    return Ok(at);
                }
                request = self.browser.get(at.clone());
                continue;
            }
            ensure!(response.status() == 200, "status {} at {at}", response.status());
            let page = response.text()?;
            at = at.join(between(&page, "action=\"", "\"").context("the page has no form")?)?;
            request = self.browser.post(at.clone()).form(&self.fill_in(&page)?);
        }
        bail!("the pages go round in circles")
    }

    fn fill_in<'a>(&'a self, page: &'a str) -> anyhow::Result<HashMap<&'a str, &'a str>> {
        let ticket = between(page, "name=\"ticket\" value=\"", "\"").context("the form has no ticket")?;
        let mut form = HashMap::from([("ticket", ticket)]);
        if page.contains("name=\"password\"") {
            form.extend([("username", self.username), ("password", self.password), ("decision", "sign_in")]);
        } else {
            ensure!(page.contains("value=\"allow\""), "what is asked here?");
            form.insert("decision", "allow");
        }
        Ok(form)
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}
