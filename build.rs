//! Compiles the protobuf contracts of `proto/` with protox, so that no `protoc`
//! has to be on the machine.

use std::{env, error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(
        ["novaroute.proto", "journal.proto", "frr-northbound.proto", "mgmtd-frontend.proto"],
        ["proto"],
    )?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    tonic_prost_build::configure()
        .file_descriptor_set_path(out.join("descriptors.bin"))
        .btree_map(".novaroute.v1")
        .compile_fds(descriptors)?;
    Ok(())
}
