//! Finds librnn: in the directory that LIBRNN_DIR names, or else with pkg-config.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=LIBRNN_DIR");
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    println!("cargo:rustc-link-lib=dylib=rnn");
    if let Ok(directory) = env::var("LIBRNN_DIR") {
        println!("cargo:rustc-link-search=native={directory}");
        return;
    }
    let output = Command::new("pkg-config").args(["--libs-only-L", "librnn"]).output();
    match output {
        Ok(output) if output.status.success() => {
            for flag in String::from_utf8_lossy(&output.stdout).split_whitespace() {
                if let Some(directory) = flag.strip_prefix("-L") {
                    println!("cargo:rustc-link-search=native={directory}");
                }
            }
        }
        _ => panic!("pkg-config doesn't find librnn. Set LIBRNN_DIR to the directory of librnn.so."),
    }
}
