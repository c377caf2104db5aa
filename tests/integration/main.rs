//! Runs the built binary, as its users do. One crate of all: linked once, each of its tests beside the others.

#[path = "../common/mod.rs"]
mod common;
#[path = "../properties/mod.rs"]
mod properties;

mod baseline;
mod canaries;
mod certificate;
mod certificate_attacks;
mod connections;
mod curl;
mod desynchronised;
mod ecosystem;
mod evidence;
mod exit_codes;
mod explore;
mod hostile_endpoints;
mod hostile_input;
mod hostile_text;
mod main_job;
mod neighbour;
mod plain_listener;
mod preflight;
mod probes;
mod profiles;
mod prove;
mod reference;
mod report_render;
mod serve;
mod shards;
mod sweep;
