//! Compiles the protobuf contracts of `proto/` with protox, so that no `protoc`
//! has to be on the machine.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;
use prost_types::FileDescriptorSet;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(
        ["novaroute.proto", "journal.proto", "frr-northbound.proto", "mgmtd-frontend.proto"],
        ["proto"],
    )?;
    // For the reflection service.
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().btree_map(".novaroute.v1").compile_fds(descriptors.clone())?;
    status_server(descriptors, out.join("served"))
}

/// Compiles `RouteControl` once more as the agent serves it: `GetStatus` is answered with bytes that are kept
/// from call to call.
fn status_server(mut descriptors: FileDescriptorSet, out: PathBuf) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(&out)?;
    descriptors.file.retain(|file| file.package() == "novaroute.v1");
    for file in &mut descriptors.file {
        file.service.retain(|service| service.name() == "RouteControl");
    }
    tonic_prost_build::configure()
        .build_client(false)
        .extern_path(".novaroute.v1.GetStatusResponse", "crate::api::EncodedStatus")
        .extern_path(".novaroute.v1", "crate::proto::v1")
        .out_dir(out)
        .compile_fds(descriptors)?;
    Ok(())
}
