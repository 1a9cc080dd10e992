//! A server of PostgreSQL for the tests of one run, in a temporary folder. The first test that needs it starts it; it ends
//! with the program that runs the tests. Its writes are not brought to the disk: nothing of it is to survive.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Where Debian keeps the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// PostgreSQL does not run as root; this is who it runs as then.
const USER: &str = "postgres";

/// The server's URL. `OUTCROP_TEST_POSTGRES` names another than our own.
pub(crate) fn url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "a test has no other way to be told")]
        let given = std::env::var("OUTCROP_TEST_POSTGRES").ok();
        given.unwrap_or_else(shared)
    })
}

fn shared() -> String {
    // All tests of a run have one parent.
    let folder = std::env::temp_dir().join(format!("outcrop-postgres-{}", parent_id()));
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let told = folder.join("url");
    if let Ok(url) = fs::read_to_string(&told) {
        return url;
    }
    let url = start(&folder);
    fs::write(&told, &url).unwrap();
    url
}

fn start(folder: &Path) -> String {
    let programs = programs();
    let data = folder.join("data");
    let is_root = run(Command::new("id").arg("-u")).trim() == "0";
    if is_root {
        run(Command::new("install").args(["-d", "-o", USER, "-m", "700"]).arg(&data));
    }
    let as_user = |program: &str| {
        let path = programs.join(program);
        if !is_root {
            return Command::new(path);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"]).arg(path).current_dir("/");
        command
    };
    let mut initdb = as_user("initdb");
    run(initdb.args(["-A", "trust", "-U", USER, "-E", "UTF8", "--no-locale", "--no-sync", "-D"]).arg(&data));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = as_user("postgres");
    server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""]);
    for setting in ["fsync=off", "full_page_writes=off", "max_connections=300", "shared_buffers=64MB"] {
        server.args(["-c", setting]);
    }
    // Ends the server when the program that runs the tests is gone, and leaves nothing behind.
    let watch = "parent=$1; folder=$2; shift 2; \"$@\" & server=$!
        while kill -0 $parent && kill -0 $server; do sleep 1; done 2>/dev/null
        kill -QUIT $server; wait; rm -rf \"$folder\"";
    let mut watcher = Command::new("sh");
    watcher.args(["-c", watch, "watch", &parent_id().to_string()]).arg(folder);
    watcher.arg(server.get_program()).args(server.get_args()).current_dir("/").process_group(0);
    watcher.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(folder.join("log")).unwrap());
    watcher.spawn().unwrap();
    let url = format!("postgres://{USER}@127.0.0.1:{port}/postgres?sslmode=disable");
    let until = Instant::now() + Duration::from_secs(60);
    while !is_ready(&programs, port) {
        assert!(Instant::now() < until, "{}", fs::read_to_string(folder.join("log")).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(50));
    }
    url
}

fn is_ready(programs: &Path, port: u16) -> bool {
    let mut ask = Command::new(programs.join("pg_isready"));
    ask.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status().is_ok_and(|status| status.success())
}

fn programs() -> PathBuf {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(VERSIONS)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok())
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, programs)| programs.join("initdb").is_file())
        .collect();
    versions.sort();
    versions.pop().map(|(_, programs)| programs).expect(
        "PostgreSQL is not installed: install Debian's `postgresql`, name a server in OUTCROP_TEST_POSTGRES, or run the \
         tests by `cargo xtask test`, which leaves these out then",
    )
}

fn run(command: &mut Command) -> String {
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}
