//! The process of a real server: how it starts, is signalled, and ends.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tempfile::TempDir;

use crate::{StartError, TarantoolBuilder};

const LOG: &str = "tarantool.log";
const READY: &str = "tarantool.ready";
const FAILED: &str = "tarantool.failed";
pub(crate) const LOG_LINES: usize = 50;
const POLL: Duration = Duration::from_millis(2);

/// Runs in the temporary folder, after a line that defines `settings`.
///
/// Marker files are renamed into place so that the launcher never reads half
/// of one. The fiber waits for the end of stdin, whose other end the launcher
/// holds: a test process that died by a signal takes its server and the
/// temporary folder with it. That the script has run is noted in a file, since
/// a row would show in the log that tests may follow.
const INIT: &str = r"
io.stdout:setvbuf('line')

local fio = require('fio')
local folder = fio.cwd()

require('fiber').create(function()
    require('socket').iowait(0, 'R')
    fio.rmtree(folder)
    os.exit(0)
end)

local function mark(name, text)
    local file = assert(io.open(fio.pathjoin(folder, name .. '.part'), 'w'))
    file:write(text)
    file:close()
    assert(os.rename(fio.pathjoin(folder, name .. '.part'), fio.pathjoin(folder, name)))
end

local function describe(err)
    return debug.traceback(tostring(err), 2)
end

local ok, err = xpcall(function()
    box.cfg{
        listen = settings.listen,
        memtx_memory = settings.memtx_memory,
        wal_mode = settings.wal_mode,
    }
    assert(loadfile('every_start.lua'))()
    -- Without a log a restart has lost what the script made.
    if settings.wal_mode == 'none' or not fio.path.exists('tarantool.scripted') then
        if settings.guest_is_admin then
            box.schema.user.grant('guest', 'super')
        end
        assert(loadfile('script.lua'))()
        mark('tarantool.scripted', '')
    end
end, describe)

if ok then
    mark('tarantool.ready', tostring(box.info.listen))
else
    mark('tarantool.failed', err)
    os.exit(1)
end
";

/// A server's process, which may not have become ready, and the folder that it
/// has in common with its successors.
#[derive(Debug)]
pub(crate) struct Process {
    child: Mutex<Child>,
    pub(crate) folder: TempDir,
}

impl Process {
    pub(crate) fn spawn(builder: &TarantoolBuilder, listen: &str) -> Result<Self, StartError> {
        let folder = tempfile::Builder::new().prefix("tarantool-").tempdir()?;
        fs::write(folder.path().join("every_start.lua"), &builder.every_start)?;
        fs::write(folder.path().join("script.lua"), &builder.script)?;
        let child = Mutex::new(run(builder, &folder, listen)?);
        Ok(Self { child, folder })
    }

    /// Kills the process, if it still runs, and starts another in its folder.
    pub(crate) fn respawn(
        &self,
        builder: &TarantoolBuilder,
        listen: &str,
    ) -> Result<(), StartError> {
        let mut child = self.child();
        end(&mut child)?;
        for file in [READY, FAILED] {
            match fs::remove_file(self.folder.path().join(file)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        *child = run(builder, &self.folder, listen)?;
        Ok(())
    }

    /// Waits until the script has run and `greets` gives something, which is
    /// asked with what `box.info.listen` says and the time that is left.
    pub(crate) fn wait_until_ready<T>(
        &self,
        limit: Duration,
        greets: impl Fn(&str, Duration) -> io::Result<Option<T>>,
    ) -> Result<T, StartError> {
        let deadline = Instant::now() + limit;
        loop {
            // Asked before the files are read: what an exited server wrote is
            // then there.
            let exited = self.child().try_wait()?;
            if let Some(message) = self.read(FAILED) {
                let log = self.log_tail(LOG_LINES);
                return Err(StartError::Script { message, log });
            }
            if let Some(status) = exited {
                let log = self.log_tail(LOG_LINES);
                return Err(StartError::Exited { status, log });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let log = self.log_tail(LOG_LINES);
                return Err(StartError::TimedOut { log });
            }
            if let Some(bound) = self.read(READY) {
                if let Some(found) = greets(&bound, left)? {
                    return Ok(found);
                }
            }
            thread::sleep(POLL);
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child().id()
    }

    pub(crate) fn log_tail(&self, lines: usize) -> String {
        let log = self.read(LOG).unwrap_or_default();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// Waits for the end that nobody here brings about.
    pub(crate) fn wait(&mut self) -> io::Result<ExitStatus> {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Without the end of stdin that a wait by itself brings.
        let stdin = child.stdin.take();
        let status = child.wait();
        drop(stdin);
        status
    }

    pub(crate) fn kill(&self) -> io::Result<()> {
        end(&mut self.child())
    }

    /// Asks the process to end, and waits until it has.
    pub(crate) fn stop(&self, limit: Duration) -> io::Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        // A stopped process does not see the other signal.
        for signal in [Signal::CONT, Signal::TERM] {
            if let Some(status) = self.signal(signal)? {
                return Ok(status);
            }
        }
        loop {
            if let Some(status) = self.child().try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(POLL);
        }
    }

    /// Stops the process, as Ctrl-Z does, and waits until it has stopped.
    pub(crate) fn pause(&self) -> io::Result<()> {
        if self.signal(Signal::STOP)?.is_some() {
            return Err(gone());
        }
        // The status stays: it says whether the process is stopped at present.
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        loop {
            let mut child = self.child();
            if child.try_wait()?.is_some() {
                return Err(gone());
            }
            if waitid(WaitId::Pid(Pid::from_child(&child)), options)?.is_some() {
                return Ok(());
            }
            drop(child);
            thread::sleep(POLL);
        }
    }

    pub(crate) fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)?.map_or(Ok(()), |_| Err(gone()))
    }

    /// Sends a signal, unless the process has ended: its number may be that of
    /// another by now.
    fn signal(&self, signal: Signal) -> io::Result<Option<ExitStatus>> {
        let mut child = self.child();
        let exited = child.try_wait()?;
        if exited.is_none() {
            kill_process(Pid::from_child(&child), signal)?;
        }
        Ok(exited)
    }

    /// Never held while waiting for what may take long.
    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, name: &str) -> Option<String> {
        let bytes = fs::read(self.folder.path().join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that the process is gone.
        let _ = self.kill();
    }
}

fn run(builder: &TarantoolBuilder, folder: &TempDir, listen: &str) -> Result<Child, StartError> {
    let init = format!("{}\n{INIT}", builder.lua_settings(listen));
    fs::write(folder.path().join("init.lua"), init)?;
    // Into the log goes all output, so that neither what the script prints
    // nor the stack of a crash is lost.
    let log = File::options().create(true).append(true).open(folder.path().join(LOG))?;
    // The child runs elsewhere, where a relative path means another file.
    let program = if builder.program.components().count() > 1 {
        path::absolute(&builder.program)?
    } else {
        builder.program.clone()
    };
    Command::new(program)
        .arg("init.lua")
        .current_dir(folder.path())
        // Ctrl-C in a terminal must not reach the server, which would then
        // leave its folder; it stops by the end of stdin.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                StartError::NotInstalled { program: builder.program.clone() }
            }
            _ => StartError::Io(error),
        })
}

fn end(child: &mut Child) -> io::Result<()> {
    // In this order: the wait closes stdin, at whose end a live server
    // would remove the folder.
    child.kill()?;
    child.wait().map(drop)
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the server has ended")
}
