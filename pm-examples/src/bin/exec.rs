//! Commands of the system: a script of the shell, a program with arguments, and one with options.

use std::time::Duration;

use pm_runtime::{Error, exec, shell};

#[pm_runtime::main]
async fn main() -> Result<(), Error> {
    // A script, which the shell reads: never put into it what comes from elsewhere.
    let listing = shell("ls -d /tmp /usr").await?;
    println!("directory listing: {}", listing.stdout().replace('\n', " "));

    // A program with arguments, which no shell reads.
    let zone = "safari zone; rm -rf /";
    let generated = exec(["printf", "%s: %s, ", zone, "Chansey", zone, "Dratini"]).await?;
    println!("generation result: {}", generated.stdout());

    // With options.
    let encounter = shell(r#"echo "in $ZONE at $WEATHER: $(cat), from $PWD""#)
        .cwd("/usr")
        .env("ZONE", "forest")
        .env("WEATHER", "rain")
        .stdin("Pikachu")
        .timeout(Duration::from_secs(30))
        .await?;
    print!("{}", encounter.stdout());

    // What goes wrong says what, and has what was printed until then.
    if let Err(error) = shell("echo rolling; echo no such zone >&2; exit 3").await {
        println!("{error}");
    }
    Ok(())
}
