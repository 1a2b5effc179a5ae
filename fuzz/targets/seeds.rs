//! Writes the seeds of every target into directories of its name under the one given.

fn main() -> std::io::Result<()> {
    let root = std::env::args_os().nth(1).expect("usage: seeds DIRECTORY");
    for target in fuzz::TARGETS {
        let directory = std::path::Path::new(&root).join(target.name);
        std::fs::create_dir_all(&directory)?;
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            std::fs::write(directory.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}
