//! What a worker does: it runs one plugin, a script in Lua that somebody else wrote.

use std::{env, fs};

use mlua::{Function, Lua};
use pm_runtime::{worker, worker_query};

/// The variable that names the script.
pub(crate) const SCRIPT: &str = "PLUGIN_SCRIPT";

/// What a plugin's function returns, if anything, or its error.
pub(crate) type Answer = Result<Option<String>, String>;

/// A script with all that it has in its globals.
pub(crate) struct Plugin(Lua);

/// Each plugin has a pool of one worker, so that its state is its own, and so is its death.
///
/// How often it may die is for the host to say, so that any number of crashes is made good: by a spare,
/// which has loaded the script by then. A plugin that computes for ever uses up its CPU time; `timeout`
/// is for one that waits for ever.
#[worker_query(
    init = Plugin::load,
    spares = 1,
    max_crashes = None,
    memory_limit = "64MiB",
    cpu_limit = "1s",
    clear_env = true,
    stdio = "capture"
)]
impl Plugin {
    fn load() -> Result<Self, String> {
        let script = env::var_os(SCRIPT).ok_or("it is told of no script")?;
        let text = fs::read(script).map_err(|error| error.to_string())?;
        lua(&text).map(Self).map_err(|error| error.to_string())
    }

    /// Calls one of its functions, if it has that.
    pub(crate) fn call(&mut self, function: &str, line: &str) -> Answer {
        let found = self.0.globals().get::<Option<Function>>(function);
        let answer = found.and_then(|function| function.map(|it| it.call(line)).transpose());
        answer.map(Option::flatten).map_err(|error| error.to_string())
    }
}

/// Lua that has read a script, and knows `say`.
fn lua(script: &[u8]) -> mlua::Result<Lua> {
    let lua = Lua::new();
    let say = |_: &Lua, text: String| worker::message(text).map_err(mlua::Error::external);
    lua.globals().set("say", lua.create_function(say)?)?;
    lua.load(script).set_name("=script").exec()?;
    Ok(lua)
}
