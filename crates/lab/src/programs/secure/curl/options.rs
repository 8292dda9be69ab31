//! curl's command line.

use super::Failure;
use super::talk::Url;

/// What curl was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) urls: Vec<String>,
    /// For each URL in order: a file; none stands for `-O`.
    pub(super) outputs: Vec<Option<String>>,
    pub(super) silent: bool,
    pub(super) show_errors: bool,
    pub(super) insecure: bool,
    pub(super) follow: bool,
    pub(super) fail: bool,
    pub(super) include: bool,
    pub(super) head: bool,
    pub(super) verbose: bool,
    pub(super) version: bool,
    get: bool,
    request: String,
    pub(super) data: Vec<String>,
    pub(super) json: bool,
    pub(super) headers: Vec<String>,
    pub(super) user: String,
    pub(super) agent: String,
    pub(super) cacert: String,
    pub(super) cert: String,
    pub(super) key: String,
    pub(super) max_time_us: Option<u64>,
    pub(super) connect_timeout_us: Option<u64>,
    pub(super) write_out: String,
}

/// Long names and the letters that stand for them; a letter of its own where there is none.
const LONG: &[(&str, char)] = &[
    ("output", 'o'),
    ("remote-name", 'O'),
    ("silent", 's'),
    ("show-error", 'S'),
    ("insecure", 'k'),
    ("location", 'L'),
    ("fail", 'f'),
    ("include", 'i'),
    ("head", 'I'),
    ("verbose", 'v'),
    ("version", 'V'),
    ("get", 'G'),
    ("request", 'X'),
    ("data", 'd'),
    ("data-raw", 'd'),
    ("data-binary", 'd'),
    ("data-ascii", 'd'),
    ("json", 'j'),
    ("header", 'H'),
    ("user", 'u'),
    ("user-agent", 'A'),
    ("cacert", 'c'),
    ("cert", 'E'),
    ("key", 'K'),
    ("max-time", 'm'),
    ("connect-timeout", 't'),
    ("write-out", 'w'),
    ("url", 'U'),
    ("http1.1", '1'),
    ("http2", '1'),
    ("tlsv1.2", '1'),
    ("tlsv1.3", '1'),
    ("proto", 'p'),
    ("retry", 'p'),
    ("progress-bar", '1'),
    ("no-progress-meter", '1'),
    ("compressed", '1'),
];

/// The letters that a command line may use, those with a value.
const LETTERS: &str = "oOsSkLfiIvVGXdHuAEmw#1";
const VALUED: &str = "oXdjHuAcEKmtwUp";

impl Options {
    /// Reads the words after the name. The error is curl's, without its name.
    pub(super) fn parse(args: &[String]) -> Result<Options, String> {
        let mut options = Options { agent: "curl/7.88.1".to_owned(), ..Options::default() };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            if let Some(name) = arg.strip_prefix("--").filter(|name| !name.is_empty()) {
                let found = LONG.iter().find(|(long, _)| *long == name);
                let (_, letter) = found.ok_or_else(|| format!("option {arg}: is unknown"))?;
                let value = options.value(*letter, arg, &mut rest)?;
                options.set(*letter, value)?;
            } else if let Some(letters) = arg.strip_prefix('-').filter(|it| !it.is_empty()) {
                options.letters(arg, letters, &mut rest)?;
            } else {
                options.urls.push(arg.clone());
            }
        }
        if options.urls.is_empty() && !options.version {
            return Err("no URL specified".to_owned());
        }
        Ok(options)
    }

    fn letters(
        &mut self,
        arg: &str,
        letters: &str,
        rest: &mut std::slice::Iter<'_, String>,
    ) -> Result<(), String> {
        for (place, letter) in letters.char_indices() {
            if !LETTERS.contains(letter) {
                return Err(format!("option {arg}: is unknown"));
            }
            let after = &letters[place + letter.len_utf8()..];
            if VALUED.contains(letter) && !after.is_empty() {
                return self.set(letter, after.to_owned());
            }
            let value = self.value(letter, arg, rest)?;
            self.set(letter, value)?;
        }
        Ok(())
    }

    fn value(
        &self,
        letter: char,
        arg: &str,
        rest: &mut std::slice::Iter<'_, String>,
    ) -> Result<String, String> {
        if !VALUED.contains(letter) {
            return Ok(String::new());
        }
        rest.next().cloned().ok_or_else(|| format!("option {arg}: requires parameter"))
    }

    fn set(&mut self, letter: char, value: String) -> Result<(), String> {
        match letter {
            'o' => self.outputs.push(Some(value)),
            'O' => self.outputs.push(None),
            's' => self.silent = true,
            'S' => self.show_errors = true,
            'k' => self.insecure = true,
            'L' => self.follow = true,
            'f' => self.fail = true,
            'i' => self.include = true,
            'I' => self.head = true,
            'v' => self.verbose = true,
            'V' => self.version = true,
            'G' => self.get = true,
            'X' => self.request = value,
            'd' => self.data.push(value),
            'j' => {
                self.json = true;
                self.data.push(value);
            }
            'H' => self.headers.push(value),
            'u' => self.user = value,
            'A' => self.agent = value,
            'c' => self.cacert = value,
            'E' => self.cert = value,
            'K' => self.key = value,
            'm' => self.max_time_us = Some(seconds(&value)?),
            't' => self.connect_timeout_us = Some(seconds(&value)?),
            'w' => self.write_out = value,
            'U' => self.urls.push(value),
            // What changes nothing here.
            _ => {}
        }
        Ok(())
    }

    /// The method of a request.
    pub(super) fn method(&self) -> &str {
        match (self.request.as_str(), self.head, self.data.is_empty() || self.get) {
            ("", true, _) => "HEAD",
            ("", false, true) => "GET",
            ("", false, false) => "POST",
            (method, ..) => method,
        }
    }

    /// Whether the data goes into the query.
    pub(super) fn data_in_query(&self) -> bool {
        self.get
    }

    /// The file a URL is written to; none for standard output.
    pub(super) fn target(&self, url: &Url, number: usize) -> Result<Option<String>, Failure> {
        match self.outputs.get(number) {
            None => Ok(None),
            Some(Some(file)) if file == "-" => Ok(None),
            Some(Some(file)) => Ok(Some(file.clone())),
            Some(None) => match url.remote_name() {
                Some(name) => Ok(Some(name.to_owned())),
                None => Err(Failure::new(23, "Remote file name has no length!")),
            },
        }
    }

    /// What `-w` asks for.
    pub(super) fn written(&self, status: u16, bytes: u64, url: &str) -> String {
        self.write_out
            .replace("%{http_code}", &format!("{status:03}"))
            .replace("%{response_code}", &format!("{status:03}"))
            .replace("%{size_download}", &bytes.to_string())
            .replace("%{url_effective}", url)
            .replace("\\n", "\n")
            .replace("\\t", "\t")
    }
}

/// Seconds with a fraction, in microseconds.
fn seconds(text: &str) -> Result<u64, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = part.chars().chain("000000".chars()).take(6).collect();
    let bad = || format!("expected a proper numerical parameter: {text}");
    let whole: u64 = whole.parse().map_err(|_| bad())?;
    Ok(whole.saturating_mul(1_000_000) + digits.parse::<u64>().map_err(|_| bad())?)
}
