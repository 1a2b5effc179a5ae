//! The command line of the local cloud.

use cloud::commands;
use cloud::faults::Faults;
use cloud::serve::{self, Options};
use cloud::shadow::Limits;
use cloud::topic::{Operation, ShadowId};
use lexopt::prelude::*;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
usage: cloud COMMAND [OPTION...]

  serve                    run the cloud until SIGINT or SIGTERM
    --port P               TLS port for devices (8883); 0: any free one
    --plain-port P         port of the service and of these commands (0)
    --thing NAME           make a certificate for this thing (repeatable; demo-thing)
    --cert FILE --key FILE other server certificate, relative to DIR (server-chain.pem, server-leaf.key)
    --max-document BYTES   size limit of a shadow document (8192)
    --max-depth LEVELS     nesting limit of a section (6)
    --fault NAME=NUMBER    make this go wrong, in percent of the cases (repeatable; see faults)
    --seed N               of the dice that decide when (0)
    --die-with-stdin       end when standard input closes
    --quiet                report only the start

  request '{\"color\":\"red\"}'        set members of desired
  show                               print the shadow; exit code 1: there is none
  wait-reported '{\"color\":\"red\"}'  wait until reported contains these members
    --timeout S            (10)
  watch [FILTER]           print shadow traffic, or another topic filter's
  get, update JSON, delete send a request as it is, print the reply; exit code 1: rejected
  faults [NAME=NUMBER...]  from now on exactly these go wrong, in percent of the cases: reorder,
                           duplicate, lose, delay (by up to delay_ms=1000), conflict (409),
                           throttle (429), fail (500)
  add NAME                 certificate and access for one more thing
  drop --client ID         cut this client's connection (MQTT 5 DISCONNECT 0x98)
    --take-over            ... by connecting with its client id instead

  --dir DIR                where the cloud lives ($CLOUD_DIR)
  --thing NAME             whose shadow (demo-thing)
  --shadow NAME            which named shadow (the classic one)
";

/// How a failure is told to scripts: a refusal or a missing thing is not a wrong call.
const EXIT_FAILED: u8 = 1;
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = match Arguments::parse() {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("cloud: {why}\n\n{USAGE}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match arguments.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("cloud: {why}");
            ExitCode::from(EXIT_FAILED)
        }
    }
}

struct Arguments {
    command: Command,
    dir: PathBuf,
}

enum Command {
    Help,
    Serve(Options),
    Request(ShadowId, String),
    Show(ShadowId),
    WaitReported(ShadowId, String, Duration),
    Watch(String),
    Raw(ShadowId, Operation, String),
    Faults(String),
    Add(String),
    Drop(String),
    TakeOver(String),
}

impl Arguments {
    fn parse() -> Result<Self, lexopt::Error> {
        let mut things = Vec::new();
        let mut shadow = None;
        let mut dir = std::env::var_os("CLOUD_DIR").map(PathBuf::from);
        let mut client = None;
        let mut take_over = false;
        let mut timeout_s = 10.0;
        let mut words = Vec::new();
        let mut serve = Options {
            dir: PathBuf::new(),
            port: 8883,
            plain_port: 0,
            things: Vec::new(),
            certificate: "server-chain.pem".into(),
            key: "server-leaf.key".into(),
            limits: Limits::default(),
            faults: Faults::default(),
            seed: 0,
            die_with_stdin: false,
            quiet: false,
        };

        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("dir") => dir = Some(parser.value()?.into()),
                Long("thing") => things.push(parser.value()?.string()?),
                Long("shadow") => shadow = Some(parser.value()?.string()?),
                Long("client") => client = Some(parser.value()?.string()?),
                Long("take-over") => take_over = true,
                Long("timeout") => timeout_s = parser.value()?.parse()?,
                Long("port") => serve.port = parser.value()?.parse()?,
                Long("plain-port") => serve.plain_port = parser.value()?.parse()?,
                Long("cert") => serve.certificate = parser.value()?.into(),
                Long("key") => serve.key = parser.value()?.into(),
                Long("max-document") => serve.limits.document_bytes = parser.value()?.parse()?,
                Long("max-depth") => serve.limits.depth = parser.value()?.parse()?,
                Long("fault") => serve.faults.set(&parser.value()?.string()?)?,
                Long("seed") => serve.seed = parser.value()?.parse()?,
                Long("die-with-stdin") => serve.die_with_stdin = true,
                Long("quiet") => serve.quiet = true,
                Long("help") | Short('h') => words.insert(0, "help".to_owned()),
                Value(word) => words.push(word.string()?),
                other => return Err(other.unexpected()),
            }
        }
        if things.is_empty() {
            things.push("demo-thing".to_owned());
        }

        let mut words = words.into_iter();
        let name = words.next().ok_or("a command is missing")?;
        let id = ShadowId {
            thing: things[0].clone(),
            name: shadow,
        };
        let mut word = |what: &str| words.next().ok_or(format!("{name} needs {what}"));
        let command = match name.as_str() {
            "help" => Command::Help,
            "serve" => {
                serve.things = things;
                Command::Serve(serve)
            }
            "request" => Command::Request(id, word("the members to request, as JSON")?),
            "show" => Command::Show(id),
            "wait-reported" => {
                let members = word("the members to wait for, as JSON")?;
                let timeout = Duration::try_from_secs_f64(timeout_s).map_err(|e| e.to_string())?;
                Command::WaitReported(id, members, timeout)
            }
            "watch" => {
                Command::Watch(word("").unwrap_or_else(|_| "$aws/things/+/shadow/#".to_owned()))
            }
            "get" => Command::Raw(id, Operation::Get, word("").unwrap_or_default()),
            "update" => Command::Raw(id, Operation::Update, word("the request, as JSON")?),
            "delete" => Command::Raw(id, Operation::Delete, word("").unwrap_or_default()),
            "faults" => {
                let list: Vec<String> = words.by_ref().collect();
                Command::Faults(list.join(" "))
            }
            "add" => Command::Add(word("the name of the thing")?),
            "drop" => {
                let client = client.ok_or("drop needs --client ID")?;
                if take_over {
                    Command::TakeOver(client)
                } else {
                    Command::Drop(client)
                }
            }
            other => return Err(format!("unknown command '{other}'").into()),
        };
        if let Some(extra) = words.next() {
            return Err(format!("'{extra}' is one word too many").into());
        }
        let dir = match (&command, dir) {
            (Command::Help, dir) => dir.unwrap_or_default(),
            (_, Some(dir)) => dir,
            (_, None) => return Err("--dir DIR is missing".into()),
        };
        Ok(Self { command, dir })
    }

    fn run(self) -> Result<(), String> {
        let dir = self.dir;
        match self.command {
            Command::Help => {
                print!("{USAGE}");
                Ok(())
            }
            Command::Serve(options) => serve::serve(&Options { dir, ..options }),
            Command::Request(id, desired) => commands::request(&dir, &id, &desired),
            Command::Show(id) => commands::show(&dir, &id),
            Command::WaitReported(id, members, timeout) => {
                commands::wait_reported(&dir, &id, &members, timeout)
            }
            Command::Watch(filter) => commands::watch(&dir, &filter),
            Command::Raw(id, operation, payload) => commands::raw(&dir, &id, operation, &payload),
            Command::Faults(list) => commands::faults(&dir, &list),
            Command::Add(thing) => commands::add(&dir, &thing),
            Command::Drop(client) => commands::drop_thing(&dir, &client),
            Command::TakeOver(client) => commands::take_over(&dir, &client),
        }
    }
}
