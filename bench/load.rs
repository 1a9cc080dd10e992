//! A closed-loop load driver for a server on this machine: some connections, each asking again when it was answered.
//!
//! One file without dependencies, so that `rustc -O bench/load.rs` is all that it needs; `control.py` and `growth.py` do
//! that. Threads that block are enough: it runs on a core of its own and asks some ten thousand times a second.
//!
//! ```text
//! load ADDRESS METHOD PATH [--body TEXT] [--header 'Name: value']… [--pick FILE] [--save MEMBER FILE] [--expect TEXT]
//!      [--connections 64] [--requests N | --seconds S [--warmup S]] [--process PID]
//! ```
//!
//! In path and body `{n}` is the number of the request and `{pick}` the next line of the file; `{pick:1}` its first
//! word, `{pick:2}` its second. An answer is good when its status is 2xx and it holds the expected text. `--save` writes
//! the text of one member of each answer to a file. Prints one JSON object; latencies are of all counted requests. With
//! a process given, its CPU time over the counted part is told too, from the scheduler's own count.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A server that takes longer is broken.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

#[derive(Clone, Default)]
struct Job {
    address: String,
    method: String,
    path: String,
    body: String,
    headers: String,
    picks: Vec<String>,
    save: Option<(String, String)>,
    expect: String,
    connections: usize,
    requests: Option<u64>,
    seconds: f64,
    warmup: f64,
    process: Option<u32>,
}

fn main() -> ExitCode {
    match job().and_then(|job| run(&job)) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn job() -> Result<Job, String> {
    let mut job = Job { connections: 64, seconds: 5.0, warmup: 1.0, ..Job::default() };
    let mut words = std::env::args().skip(1);
    let mut next = |what: &str| words.next().ok_or(format!("{what} is missing"));
    (job.address, job.method, job.path) = (next("ADDRESS")?, next("METHOD")?, next("PATH")?);
    while let Ok(option) = next("") {
        let mut value = || next(&option);
        let number = |text: String| text.parse::<f64>().map_err(|_| format!("{option}: no number: {text}"));
        match option.as_str() {
            "--body" => job.body = value()?,
            "--header" => job.headers += &format!("{}\r\n", value()?),
            "--pick" => {
                let file = value()?;
                let text = std::fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))?;
                job.picks = text.lines().map(str::to_owned).collect();
                if job.picks.is_empty() {
                    return Err(format!("{file} is empty"));
                }
            }
            "--save" => job.save = Some((value()?, value()?)),
            "--expect" => job.expect = value()?,
            "--connections" => job.connections = number(value()?)? as usize,
            "--requests" => job.requests = Some(number(value()?)? as u64),
            "--seconds" => job.seconds = number(value()?)?,
            "--warmup" => job.warmup = number(value()?)?,
            "--process" => job.process = Some(number(value()?)? as u32),
            other => return Err(format!("unknown option {other}")),
        }
    }
    Ok(job)
}

/// What the connections share.
#[derive(Default)]
struct Shared {
    number: AtomicU64,
    counting: AtomicBool,
    stop: AtomicBool,
}

#[derive(Default)]
struct Seen {
    micros: Vec<u32>,
    failures: Vec<String>,
    saved: Vec<String>,
}

fn run(job: &Job) -> Result<String, String> {
    let shared = Arc::new(Shared::default());
    shared.counting.store(job.requests.is_some(), Relaxed);
    let mut began = (Instant::now(), cpu(job.process));
    let connections: Vec<_> = (0..job.connections)
        .map(|_| {
            let (job, shared) = (job.clone(), shared.clone());
            std::thread::Builder::new().stack_size(128 * 1024).spawn(move || connection(&job, &shared))
        })
        .collect::<Result<_, _>>()
        .map_err(|e| format!("cannot start a thread: {e}"))?;
    let mut ended = None;
    if job.requests.is_none() {
        std::thread::sleep(Duration::from_secs_f64(job.warmup));
        began = (Instant::now(), cpu(job.process));
        shared.counting.store(true, Relaxed);
        std::thread::sleep(Duration::from_secs_f64(job.seconds));
        ended = Some((Instant::now(), cpu(job.process)));
        shared.counting.store(false, Relaxed);
        shared.stop.store(true, Relaxed);
    }
    let mut all = Seen::default();
    for thread in connections {
        let seen = thread.join().map_err(|_| "a connection panicked")?;
        all.micros.extend(seen.micros);
        all.failures.extend(seen.failures);
        all.saved.extend(seen.saved);
    }
    let ended = ended.unwrap_or_else(|| (Instant::now(), cpu(job.process)));
    if let Some((_, file)) = &job.save {
        std::fs::write(file, all.saved.join("\n") + "\n").map_err(|e| format!("{file}: {e}"))?;
    }
    if let Some(first) = all.failures.first() {
        return Err(format!("{} requests failed, one of them with {first}", all.failures.len()));
    }
    if all.micros.is_empty() {
        return Err("nothing was answered in the time".to_owned());
    }
    all.micros.sort_unstable();
    let count = all.micros.len();
    let at = |share: f64| f64::from(all.micros[((count as f64 * share) as usize).min(count - 1)]) / 1000.0;
    let seconds = (ended.0 - began.0).as_secs_f64();
    let mut report = format!(
        "{{\"connections\": {}, \"requests\": {count}, \"per_second\": {:.1}, \"p50_ms\": {:.3}, \"p99_ms\": {:.3}",
        job.connections,
        count as f64 / seconds,
        at(0.5),
        at(0.99)
    );
    if let Some((before, after)) = began.1.zip(ended.1) {
        let _ = write!(report, ", \"cpu_ms\": {:.5}", spent(before, after) as f64 / 1e6 / count as f64);
    }
    Ok(report + "}")
}

/// One connection to its end. A failure ends it: the others go on, and the run fails.
fn connection(job: &Job, shared: &Shared) -> Seen {
    let mut seen = Seen::default();
    if let Err(error) = ask(job, shared, &mut seen) {
        seen.failures.push(error);
    }
    seen
}

fn ask(job: &Job, shared: &Shared, seen: &mut Seen) -> Result<(), String> {
    let mut open = None;
    let (mut answer, mut line) = (Vec::new(), String::new());
    while !shared.stop.load(Relaxed) {
        let number = shared.number.fetch_add(1, Relaxed);
        if job.requests.is_some_and(|most| number >= most) {
            break;
        }
        let pick = job.picks.get(number as usize % job.picks.len().max(1)).map_or("", String::as_str);
        let (path, body) = (filled(&job.path, number, pick), filled(&job.body, number, pick));
        let request = format!(
            "{} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{}\r\n{body}",
            job.method,
            job.address,
            body.len(),
            job.headers
        );
        let began = Instant::now();
        let counted = shared.counting.load(Relaxed);
        // A server that closes after each answer pays for it.
        let (writer, reader) = match &mut open {
            Some(open) => open,
            None => open.insert(connect(&job.address)?),
        };
        writer.write_all(request.as_bytes()).map_err(|e| format!("sending: {e}"))?;
        let (status, kept) = read_answer(reader, &mut line, &mut answer).map_err(|e| format!("reading: {e}"))?;
        let took = began.elapsed();
        if !kept {
            open = None;
        }
        let text = String::from_utf8_lossy(&answer);
        if !(200..300).contains(&status) || !text.contains(&job.expect) {
            return Err(format!("{status}: {}", text.chars().take(300).collect::<String>()));
        }
        if let Some((member, _)) = &job.save {
            let saved = member_of(&text, member).ok_or(format!("no {member} in the answer"))?;
            seen.saved.push(if pick.is_empty() { saved } else { format!("{pick} {saved}") });
        }
        if counted && shared.counting.load(Relaxed) {
            seen.micros.push(took.as_micros().try_into().unwrap_or(u32::MAX));
        }
    }
    Ok(())
}

fn connect(address: &str) -> Result<(TcpStream, BufReader<TcpStream>), String> {
    let stream = TcpStream::connect(address).map_err(|e| format!("connecting: {e}"))?;
    let options = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(ANSWER_TIMEOUT)));
    options.map_err(|e| e.to_string())?;
    let writer = stream.try_clone().map_err(|e| e.to_string())?;
    Ok((writer, BufReader::with_capacity(32 * 1024, stream)))
}

fn filled(template: &str, number: u64, pick: &str) -> String {
    if !template.contains('{') {
        return template.to_owned();
    }
    let mut words = pick.split(' ');
    let (first, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    template
        .replace("{n}", &number.to_string())
        .replace("{pick:1}", first)
        .replace("{pick:2}", second)
        .replace("{pick}", pick)
}

/// Status of an answer and whether the connection stays open; the whole body, of known length, in chunks or to the end.
fn read_answer(reader: &mut impl BufRead, line: &mut String, body: &mut Vec<u8>) -> std::io::Result<(u16, bool)> {
    let broken = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let next = |reader: &mut dyn BufRead, line: &mut String| -> std::io::Result<()> {
        line.clear();
        if reader.read_line(line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    };
    next(reader, line)?;
    let mut kept = line.starts_with("HTTP/1.1");
    let status = line.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or_else(|| broken("no status"))?;
    let (mut length, mut chunked) = (None, false);
    loop {
        next(reader, line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = Some(value.parse::<u64>().map_err(|_| broken("no length"))?),
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" => kept &= !value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    body.clear();
    if chunked {
        loop {
            next(reader, line)?;
            let size = u64::from_str_radix(line.trim(), 16).map_err(|_| broken("no chunk"))?;
            reader.take(size).read_to_end(body)?;
            next(reader, line)?;
            if size == 0 {
                return Ok((status, kept));
            }
        }
    }
    match length {
        Some(length) => {
            reader.take(length).read_to_end(body)?;
            if (body.len() as u64) < length {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        None => {
            reader.read_to_end(body)?;
            kept = false;
        }
    }
    Ok((status, kept))
}

/// Text of the first member of this name, wherever it is; ids have nothing to unescape.
fn member_of(text: &str, member: &str) -> Option<String> {
    let rest = text.split_once(&format!("\"{member}\""))?.1;
    rest.trim_start_matches([':', ' ', '"']).split('"').next().map(str::to_owned)
}

/// CPU time of a process: by its threads, to the nanosecond, and by the clock's ticks of 10 ms, which count threads that
/// have ended too.
#[derive(Clone, Copy)]
struct Cpu {
    threads: u64,
    ticks: u64,
}

fn cpu(process: Option<u32>) -> Option<Cpu> {
    let folder = format!("/proc/{}", process?);
    let nanos = std::fs::read_dir(format!("{folder}/task")).ok()?.filter_map(|thread| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    let stat = std::fs::read_to_string(format!("{folder}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Cpu { threads: nanos.sum(), ticks: (user + system) * 10_000_000 })
}

/// The exact count, unless so much more was spent in threads that are no more that it is plainly wrong.
fn spent(before: Cpu, after: Cpu) -> u64 {
    let (threads, ticks) = (after.threads.saturating_sub(before.threads), after.ticks - before.ticks);
    if ticks > threads + threads / 10 + 20_000_000 { ticks } else { threads }
}
