//! `curl`: requests over the virtual network, with curl's options, texts and exit codes.

mod options;
mod talk;

use bytes::Bytes;
use sim::{Fd, HttpResponse, OpenFlags, Sys};

use crate::programs::Program;
use options::Options;
use talk::{Exchange, Url};

/// The entry of the table of programs.
pub(crate) const PROGRAM: Program = Program {
    name: "curl",
    summary: "transfer a URL",
    usage: concat!(
        "curl [OPTION...] URL...\n",
        "  -o FILE write there, -O under the remote name; -L follow redirects; -f fail on errors\n",
        "  -X METHOD, -d DATA, -H HEADER, -u USER:PASSWORD; -i show headers, -I ask only for them\n",
        "  --cacert FILE, --cert FILE, --key FILE, -k take any certificate\n",
        "  -s silent, -S errors all the same, -v tell all, -m SECONDS, -w FORMAT",
    ),
    run: |sys| Box::pin(run(sys)),
    complete: None,
};

/// curl ends: its exit code, and what it says unless it is silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: i32,
    pub(super) text: String,
}

impl Failure {
    pub(super) fn new(code: i32, text: impl Into<String>) -> Failure {
        Failure { code, text: text.into() }
    }
}

/// What curl says under the texts about certificates.
const ABOUT_CERTIFICATES: &str = "\
More details here: https://curl.se/docs/sslcerts.html

curl failed to verify the legitimacy of the server and therefore could not
establish a secure connection to it. To learn more about this situation and
how to fix it, please visit the web page mentioned above.
";

/// How often `-L` follows.
const REDIRECTS_MAX: u32 = 50;

async fn run(sys: Sys) -> i32 {
    let args = sys.args();
    let options = match Options::parse(&args[1..]) {
        Ok(options) => options,
        Err(text) => {
            let text = format!(
                "curl: {text}\ncurl: try 'curl --help' or 'curl --manual' for more information\n"
            );
            sys.eprint(&text).await;
            return 2;
        }
    };
    if options.version {
        let text = "curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 OpenSSL/3.0.19\n\
                    Protocols: http https\nFeatures: HTTPS-proxy HTTP2 SSL\n";
        let _ = sys.write(Fd::STDOUT, text.as_bytes()).await;
        return 0;
    }
    let mut code = 0;
    for (number, url) in options.urls.iter().enumerate() {
        if let Err(failure) = transfer(&sys, &options, url, number).await {
            code = failure.code;
            if !options.silent || options.show_errors {
                let mut text = format!("curl: ({}) {}\n", failure.code, failure.text);
                if failure.code == 60 {
                    text.push_str(ABOUT_CERTIFICATES);
                }
                sys.eprint(&text).await;
            }
        }
    }
    code
}

/// One URL to its end.
async fn transfer(sys: &Sys, options: &Options, url: &str, number: usize) -> Result<(), Failure> {
    let begun_us = sys.mono_us();
    let mut url = Url::parse(url)?;
    let target = options.target(&url, number)?;
    let mut follows = 0;
    let (exchange, response) = loop {
        let (exchange, response) = talk::exchange(sys, options, &url, begun_us).await?;
        let next = response
            .header("location")
            .filter(|_| options.follow && matches!(response.status, 301 | 302 | 303 | 307 | 308));
        let Some(next) = next else { break (exchange, response) };
        follows += 1;
        if follows > REDIRECTS_MAX {
            let text = format!("Maximum ({REDIRECTS_MAX}) redirects followed");
            return Err(Failure::new(47, text));
        }
        url = url.join(next)?;
    };
    if options.fail && response.status >= 400 {
        let text = format!("The requested URL returned error: {}", response.status);
        return Err(Failure::new(22, text));
    }
    let written = deliver(sys, options, target.as_deref(), &exchange, response).await?;
    if !options.silent && (target.is_some() || !sys.is_tty(Fd::STDOUT)) {
        sys.eprint(&meter(written, sys.mono_us() - begun_us)).await;
    }
    if !options.write_out.is_empty() {
        let text = options.written(exchange.status, written, &url.text());
        let _ = sys.write(Fd::STDOUT, text.as_bytes()).await;
    }
    Ok(())
}

/// Writes what came; the bytes of the body.
async fn deliver(
    sys: &Sys,
    options: &Options,
    target: Option<&str>,
    exchange: &Exchange,
    response: HttpResponse,
) -> Result<u64, Failure> {
    let fd = match target {
        None => Fd::STDOUT,
        Some(path) => match sys.open(path, OpenFlags::WRITE) {
            Ok(fd) => fd,
            Err(error) => {
                let text = format!("Warning: Failed to open the file {path}: {error}\n");
                sys.eprint(&text).await;
                return Err(Failure::new(23, "Failure writing output to destination"));
            }
        },
    };
    let failed = |_| Failure::new(23, "Failure writing output to destination");
    if options.include || options.head {
        sys.write(fd, exchange.head(&response).as_bytes()).await.map_err(failed)?;
    }
    let mut written = 0;
    let mut piece: Option<Bytes> = Some(response.body).filter(|_| !options.head);
    let mut more = response.more && !options.head;
    loop {
        if let Some(bytes) = piece.take().filter(|bytes| !bytes.is_empty()) {
            sys.write(fd, &bytes).await.map_err(failed)?;
            written += u64::try_from(bytes.len()).expect("a length fits 64 bits");
        }
        if !more {
            break;
        }
        match exchange.conn.chunk().await {
            Ok(Some(bytes)) => piece = Some(bytes),
            Ok(None) | Err(_) => more = false,
        }
    }
    if fd != Fd::STDOUT {
        let _ = sys.close(fd);
    }
    Ok(written)
}

/// A number as the meter shows it: five characters.
fn five(bytes: u64) -> String {
    match bytes {
        0..100_000 => bytes.to_string(),
        100_000..10_240_000 => format!("{}k", bytes / 1024),
        10_240_000..104_857_600 => {
            format!("{}.{}M", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20)
        }
        _ => format!("{}M", bytes >> 20),
    }
}

fn clock(us: u64) -> String {
    let seconds = us / 1_000_000;
    match seconds {
        0 => "--:--:--".to_owned(),
        _ => format!("{:2}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

/// The progress meter when all is done.
fn meter(bytes: u64, us: u64) -> String {
    let speed = five(bytes * 1_000_000 / us.max(1));
    let (bytes, spent) = (five(bytes), clock(us));
    format!(
        "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n\
         \x20                                Dload  Upload   Total   Spent    Left  Speed\n\
         \r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\
         \r100 {bytes:>5}  100 {bytes:>5}    0     0  {speed:>5}      0 {spent} {spent} --:--:-- {speed:>5}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_in_any_form() {
        let parse = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            Options::parse(&words)
        };
        let options = parse("-sSLo out https://n1/x --cacert ca.crt -Hx:y -XPUT").unwrap();
        assert!(options.silent && options.show_errors && options.follow);
        assert_eq!(options.outputs, [Some("out".to_owned())]);
        assert_eq!((options.cacert.as_str(), options.method()), ("ca.crt", "PUT"));
        assert_eq!(options.urls, ["https://n1/x"]);
        assert_eq!(parse("-d a -d b http://n1").unwrap().method(), "POST");
        assert_eq!(parse("--data=x http://n1").unwrap_err(), "option --data=x: is unknown");
        assert_eq!(parse("-o").unwrap_err(), "option -o: requires parameter");
        assert_eq!(parse("-s").unwrap_err(), "no URL specified");
    }

    #[test]
    fn urls_are_read_and_joined() {
        let url = Url::parse("n1:2379/health?serializable=true").unwrap();
        assert_eq!((url.tls, url.host.as_str(), url.port), (false, "n1", 2379));
        assert_eq!(url.path, "/health?serializable=true");
        let url = Url::parse("https://n1/a/b").unwrap();
        assert_eq!(url.port, 443);
        assert_eq!(url.join("/c").unwrap().text(), "https://n1/c");
        assert_eq!(url.join("http://n2:8/d").unwrap().text(), "http://n2:8/d");
        assert_eq!(url.remote_name(), Some("b"));
        assert_eq!(Url::parse("http://").unwrap_err().code, 3);
        assert_eq!(Url::parse("ftp://x/").unwrap_err().code, 1);
    }

    #[test]
    fn sizes_take_five_places() {
        let table = [(0, "0"), (99_999, "99999"), (100_000, "97k"), (20_000_000, "19.0M")];
        for (bytes, text) in table {
            assert_eq!(five(bytes), text);
        }
    }
}
