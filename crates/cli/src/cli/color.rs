//! Whether help, errors and notices are coloured.

use clap::{Args, ColorChoice};
use std::ffi::OsStr;

#[derive(Debug, Args)]
pub(crate) struct ColorArgs {
    /// Colour help, errors and notices: `auto` where a terminal shows them and `NO_COLOR` is not set
    // `choose` reads it before clap does, which documents and checks it.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t = ColorChoice::Auto,
        display_order = 1000
    )]
    color: ColorChoice,
}

impl ColorArgs {
    /// Sets for the whole process what the last `--color` among `arguments` says. It is looked for before all
    /// arguments are parsed, so that errors in them are coloured alike.
    pub(crate) fn choose(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) {
        let mut choice = anstream::ColorChoice::Auto;
        let mut follows = false;
        for argument in arguments {
            let argument = argument.as_ref().to_string_lossy();
            let value = match follows {
                true => Some(&argument[..]),
                false => argument.strip_prefix("--color="),
            };
            choice = match value {
                Some("always") => anstream::ColorChoice::Always,
                Some("never") => anstream::ColorChoice::Never,
                Some("auto") => anstream::ColorChoice::Auto,
                _ => choice,
            };
            follows = argument == "--color";
        }
        choice.write_global();
    }
}
