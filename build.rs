//! Compiles the protobuf contracts of `proto/` with protox, so that no `protoc`
//! has to be on the machine.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(
        ["novaroute.proto", "journal.proto", "frr-northbound.proto", "mgmtd-frontend.proto"],
        ["proto"],
    )?;
    // For the reflection service.
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().btree_map(".novaroute.v1").compile_fds(descriptors)?;
    Ok(())
}
