//! One browser window with its own driver and profile.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities as _, LoggingPrefsLogLevel, prelude::*};
use tokio::time::Instant;

use crate::harness::{PASSWORD, process::free_port};

/// How long a page may take to become what a story expects.
const PATIENCE: Duration = Duration::from_secs(30);
const FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];
/// axe-core 4.14.1, see the licence beside it.
const AXE: &str = include_str!("axe/axe.min.js");
const RUN_AXE: &str = "const done = arguments[arguments.length - 1];
    axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
      .then(found => done(found.violations.map(it => it.id + ': ' + it.nodes.map(node => node.target.join(' ')).join(', '))),
            error => done(['axe failed: ' + error]));";

/// A window.
pub struct Browser {
    driver: WebDriver,
    base: String,
    _chromedriver: Chromedriver,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens an empty window on a site.
    pub async fn open(base: &str) -> Self {
        Self::open_with(base, |_| {}).await
    }

    /// Opens a window without JavaScript.
    pub async fn open_without_scripts(base: &str) -> Self {
        Self::open_with(base, |capabilities| {
            let off = json!({ "profile.managed_default_content_settings.javascript": 2 });
            capabilities.add_experimental_option("prefs", off).unwrap();
        })
        .await
    }

    async fn open_with(base: &str, change: impl FnOnce(&mut ChromeCapabilities)) -> Self {
        let (chromedriver, profile) = (Chromedriver::start(), tempfile::tempdir().unwrap());
        let mut capabilities = DesiredCapabilities::chrome();
        for flag in FLAGS {
            capabilities.add_arg(flag).unwrap();
        }
        capabilities.add_arg(&format!("--user-data-dir={}", profile.path().display())).unwrap();
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        change(&mut capabilities);
        let driver = WebDriver::new(&chromedriver.url, capabilities).await.expect("Chromium starts");
        let browser = Self { driver, base: base.to_owned(), _chromedriver: chromedriver, _profile: profile };
        browser.resize(1280, 900, false).await;
        browser.prefer("light").await;
        browser
    }

    /// A screen of this size, with a finger or a mouse.
    pub async fn resize(&self, width: u32, height: u32, mobile: bool) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
    }

    /// `light` or `dark`, as the system of the person says; and no motion, which a click would have to wait for.
    pub async fn prefer(&self, scheme: &str) {
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.driver.cdp().send_raw("Emulation.setEmulatedMedia", media).await.unwrap();
    }

    /// A device that holds passkeys, with somebody in front of it who unlocks it.
    pub async fn add_authenticator(&self) {
        let device = json!({ "options": {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
            "isUserVerified": true, "automaticPresenceSimulation": true,
        } });
        self.driver.cdp().send_raw("WebAuthn.enable", json!({})).await.unwrap();
        self.driver.cdp().send_raw("WebAuthn.addVirtualAuthenticator", device).await.unwrap();
    }

    /// Opens a path of the site.
    pub async fn goto(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.base)).await.unwrap();
    }

    /// The path of the page, with its query.
    pub async fn path(&self) -> String {
        let url = self.driver.current_url().await.unwrap();
        url.as_str().strip_prefix(&self.base).unwrap_or(url.as_str()).to_owned()
    }

    /// Reloads the page.
    pub async fn reload(&self) {
        self.driver.refresh().await.unwrap();
    }

    /// Goes one page back.
    pub async fn back(&self) {
        self.driver.back().await.unwrap();
    }

    /// Signs in through the form.
    pub async fn sign_in(&self, email: &str) {
        self.goto("/login").await;
        self.fill("email", email).await;
        self.fill("password", PASSWORD).await;
        self.press("main button[type=submit]").await;
        self.until("the login leads on", "!location.pathname.startsWith('/login')").await;
    }

    /// Types into the field of that name.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.find(&format!("main [name={name}]:not([type=hidden])")).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Clicks the first element that fits.
    pub async fn press(&self, css: &str) {
        let deadline = Instant::now() + PATIENCE;
        // An element that is replaced between the look and the click is looked for again.
        while let Err(error) = self.find(css).await.click().await {
            assert!(Instant::now() < deadline, "{css}: {error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Types keys to whatever has the focus.
    pub async fn keys(&self, keys: &str) {
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// Holds Control while it presses a key.
    pub async fn control(&self, key: &str) {
        let chain = self.driver.action_chain().key_down(Key::Control).send_keys(key).key_up(Key::Control);
        chain.perform().await.unwrap();
    }

    /// The first element that fits, as soon as it is there.
    pub async fn find(&self, css: &str) -> WebElement {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.driver.find(By::Css(css)).await {
                Ok(found) => return found,
                Err(error) if Instant::now() > deadline => panic!("{css} at {}: {error}", self.path().await),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// The visible text of the page.
    pub async fn text(&self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.find("body").await.text().await {
                Ok(text) => return text,
                // A page that is just being left takes its elements along.
                Err(error) => assert!(Instant::now() < deadline, "at {}: {error}", self.path().await),
            }
        }
    }

    /// What an expression gives.
    pub async fn eval(&self, expression: &str) -> Value {
        self.driver.execute(format!("return ({expression})"), vec![]).await.unwrap().json().clone()
    }

    /// Waits until an expression is true.
    pub async fn until(&self, what: &str, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        // A page that is just being left gives an error.
        while !matches!(self.driver.execute(format!("return !!({expression})"), vec![]).await, Ok(found) if found.json() == true)
        {
            assert!(Instant::now() < deadline, "{what}: never, at {}: {}", self.path().await, self.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the page shows a text, reloading it meanwhile if it does not change by itself.
    pub async fn until_shown(&self, text: &str, reload: bool) {
        let deadline = Instant::now() + PATIENCE;
        while !self.text().await.contains(text) {
            assert!(Instant::now() < deadline, "{text:?} never came, at {}: {}", self.path().await, self.text().await);
            tokio::time::sleep(Duration::from_millis(200)).await;
            if reload {
                self.reload().await;
            }
        }
    }

    /// Accessibility violations of the page as it is.
    pub async fn violations(&self) -> Vec<String> {
        self.driver.execute(AXE, vec![]).await.unwrap();
        let found = self.driver.execute_async(RUN_AXE, vec![]).await.unwrap();
        found.json().as_array().unwrap().iter().map(|it| it.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// What the console complained about since it was last asked: breaches of the content security policy among it. The answer
    /// to a form with a wrong value is a 422, which Chromium reports as well; that one is meant. What other sites load is theirs.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.driver.browser_log().await.unwrap();
        let bad = entries.into_iter().filter(|entry| entry.level == "SEVERE" || entry.level == "WARNING");
        let elsewhere = |message: &str| message.starts_with("http") && !message.starts_with(&self.base);
        let messages = bad.map(|entry| entry.message);
        messages.filter(|message| !message.contains("status of 422") && !elsewhere(message)).collect()
    }

    /// Closes the window. Fails the test when the console complained.
    pub async fn close(self) {
        let complaints = self.complaints().await;
        self.driver.quit().await.unwrap();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

/// The driver program on a port of its own; ended on drop.
struct Chromedriver {
    url: String,
    child: Child,
}

impl Chromedriver {
    fn start() -> Self {
        let port = free_port();
        let mut command = Command::new("chromedriver");
        let command = command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver does not start ({error}): run tests/run, which installs it"));
        let deadline = std::time::Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(std::time::Instant::now() < deadline, "chromedriver does not listen");
            std::thread::sleep(Duration::from_millis(30));
        }
        Self { url: format!("http://127.0.0.1:{port}"), child }
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
