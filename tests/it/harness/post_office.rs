//! A mail server on a real socket that keeps what it is given.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// How it treats those who come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Takes everything.
    Takes,
    /// Knows no recipient.
    Refuses,
    /// Is too busy.
    Busy,
    /// Accepts the connection and says nothing.
    Silent,
}

/// A message as it arrived.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Who it was handed over for.
    pub to: Vec<String>,
    /// Who it was handed over from.
    pub from: String,
    /// Headers and body, as sent.
    pub raw: String,
}

impl Letter {
    /// A header, unfolded, as sent.
    pub fn header(&self, name: &str) -> Option<String> {
        let (head, _) = self.raw.split_once("\r\n\r\n")?;
        let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let prefix = format!("{}:", name.to_lowercase());
        head.lines()
            .find(|line| line.to_lowercase().starts_with(&prefix))
            .map(|line| line[prefix.len()..].trim().into())
    }

    /// The body of a message with one part, decoded.
    pub fn text(&self) -> String {
        let body = self.raw.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        match self.header("Content-Transfer-Encoding").as_deref() {
            Some("base64") => String::from_utf8(BASE64_STANDARD.decode(body.replace("\r\n", "")).unwrap()).unwrap(),
            Some("quoted-printable") => quoted_printable(body),
            _ => body.to_owned(),
        }
    }
}

/// The server. Ends with its test.
pub struct PostOffice {
    /// Host and port.
    pub address: String,
    letters: Arc<Mutex<Vec<Letter>>>,
}

impl PostOffice {
    /// Opens it.
    pub async fn open(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let letters = Arc::<Mutex<Vec<Letter>>>::default();
        let kept = letters.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, manner, kept.clone()));
            }
        });
        Self { address, letters }
    }

    /// One that nobody answers at.
    pub fn burnt_down() -> Self {
        Self { address: "127.0.0.1:1".to_owned(), letters: Arc::default() }
    }

    /// The flags that make billfold use it.
    pub fn flags(&self) -> [String; 4] {
        let url = format!("smtp://{}", self.address);
        ["--smtp-url".to_owned(), url, "--mail-from".to_owned(), "Acme <billing@example.com>".to_owned()]
    }

    /// What has arrived, in the order of arrival.
    pub fn letters(&self) -> Vec<Letter> {
        self.letters.lock().unwrap().clone()
    }

    /// Waits until so many have arrived.
    pub async fn wait_for(&self, count: usize) -> Vec<Letter> {
        for _ in 0..1000 {
            if self.letters().len() >= count {
                return self.letters();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("{} of {count} letters arrived", self.letters().len());
    }
}

async fn serve(stream: TcpStream, manner: Manner, letters: Arc<Mutex<Vec<Letter>>>) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    if manner == Manner::Silent {
        while lines.next_line().await.ok()?.is_some() {}
        return None;
    }
    write.write_all(b"220 post office\r\n").await.ok()?;
    let (mut from, mut to) = (String::new(), Vec::new());
    while let Some(line) = lines.next_line().await.ok()? {
        let answer = match line.to_uppercase() {
            line if line.starts_with("EHLO") => "250-post office\r\n250 8BITMIME",
            line if line.starts_with("MAIL") && manner == Manner::Busy => "451 too busy",
            line if line.starts_with("RCPT") && manner == Manner::Refuses => "550 no such person",
            upper if upper.starts_with("MAIL") => {
                from = between(&line);
                "250 fine"
            }
            upper if upper.starts_with("RCPT") => {
                to.push(between(&line));
                "250 fine"
            }
            upper if upper.starts_with("DATA") => {
                write.write_all(b"354 go on\r\n").await.ok()?;
                let mut raw = String::new();
                while let Some(line) = lines.next_line().await.ok()? {
                    if line == "." {
                        break;
                    }
                    raw.push_str(line.strip_prefix('.').unwrap_or(&line));
                    raw.push_str("\r\n");
                }
                let letter = Letter { to: std::mem::take(&mut to), from: std::mem::take(&mut from), raw };
                letters.lock().unwrap().push(letter);
                "250 kept"
            }
            upper if upper.starts_with("QUIT") => "221 bye",
            _ => "250 fine",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
    None
}

/// The address of `MAIL FROM:<a@b>`.
fn between(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).unwrap().0.to_owned()
}

fn quoted_printable(body: &str) -> String {
    let joined = body.replace("=\r\n", "");
    let (mut bytes, mut rest) = (Vec::new(), joined.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'=' && tail.len() >= 2 {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}
