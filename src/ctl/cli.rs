//! The command line as clap reads it: the list of commands.

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use super::{
    adopt::Adopt,
    apply::{Apply, PlanFile},
    bfd::{DisableBfd, EnableBfd},
    bfd_profile::BfdProfile,
    bgp::ConfigureBgp,
    config::{Config, Reload},
    drain::{Drain, Undrain},
    events::Events,
    exit::Exit,
    explain::Explain,
    export::{Export, Get},
    global::Global,
    ospf::{DisableOspf, EnableOspf},
    peer::{ApplyPeer, RemovePeer},
    prefix::{Advertise, Withdraw},
    session::{Deregister, Register},
    show::{Show, ShowPeers},
    static_route::StaticRoute,
    top::Top,
    transactions::{Finish, Transactions},
    validate::Validate,
};

/// What `--help` ends with: how it is used, and the exit codes.
fn after_help() -> String {
    const EXAMPLES: &str = "\
Examples:
What FRR does with all that is declared, and the same live, until q:
  novaroutectl status
  novaroutectl top
One peer, and why it is down; a line whenever a peer changes:
  novaroutectl peers 10.0.1.2
  novaroutectl peers --watch -o json
To declare something:
  novaroutectl advertise --owner edge --prefix 192.0.2.10/32
  novaroutectl apply -f intents.yaml --owner admin --diff --confirm 60s
To have the shell complete what is typed:
  source <(novaroutectl completion bash)

Who writes says so with --owner, and proves it with a token: --token-file FILE, the variable
NOVAROUTE_TOKEN, or --token. Reading needs none. NO_COLOR turns colours off.";
    format!("{EXAMPLES}\n\n{}", Exit::help())
}

/// Looks at and changes what NovaRoute does with FRR on this node.
#[derive(Debug, Parser)]
#[command(name = "novaroutectl", version, after_help = after_help())]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show FRR with its daemons, and all that is declared
    Status(Show),
    /// Show the BGP peers, or one with why it is down
    Peers(ShowPeers),
    /// Show the prefixes
    Prefixes(Show),
    /// Show the BFD sessions, those of peers too
    Bfd(Show),
    /// Show the interfaces in OSPF and how many neighbours they have
    Ospf(Show),
    /// Watch everything on a full screen: peers, prefixes, BFD, OSPF, events, transactions
    Top(Top),
    /// Show events as they happen, until Ctrl-C
    Events(Events),
    /// Open a session for an owner
    Register(Register),
    /// End an owner's session
    Deregister(Deregister),
    /// Set the node's autonomous system and router-id
    ConfigureBgp(ConfigureBgp),
    /// Create a BGP peer, or make it what the options say
    ApplyPeer(Box<ApplyPeer>),
    /// Remove a BGP peer
    RemovePeer(RemovePeer),
    /// Advertise a prefix
    Advertise(Advertise),
    /// Withdraw a prefix
    Withdraw(Withdraw),
    /// Declare a BFD session, or make it what the options say
    EnableBfd(EnableBfd),
    /// Remove a BFD session
    DisableBfd(DisableBfd),
    /// Add or remove a BFD profile
    #[command(subcommand)]
    BfdProfile(BfdProfile),
    /// Run OSPF on an interface, or make it what the options say
    EnableOspf(EnableOspf),
    /// Take an interface out of OSPF
    DisableOspf(DisableOspf),
    /// Add or remove a static route
    #[command(subcommand)]
    StaticRoute(StaticRoute),
    /// Show the whole way of a prefix, peer or static route, and what holds it up
    Explain(Explain),
    /// Show all that is declared: whose, with which attributes, and where it comes from
    Get(Get),
    /// Print all that an owner has declared as a file that `apply -f` takes
    Export(Export),
    /// Apply a file of intents, all of it or nothing
    Apply(Apply),
    /// Show what applying a file of intents would do
    Plan(PlanFile),
    /// Show what was done: the latest transactions, one of them, or each as it ends
    Transactions(Transactions),
    /// Keep a transaction that would roll back by itself
    Confirm(Finish),
    /// Restore what was declared before a transaction
    Rollback(Finish),
    /// Validate files of intents and configurations of the agent, without an agent
    Validate(Validate),
    /// Ask BGP neighbours to route around this node (graceful shutdown)
    Drain(Drain),
    /// End the drain of this node
    Undrain(Undrain),
    /// Take what FRR runs as it is declared for NovaRoute's own, after the journal was lost
    Adopt(Adopt),
    /// Show the agent's configuration that is in force, and what of its file is not
    Config(Config),
    /// Have the agent read its configuration again
    Reload(Reload),
    /// Show which transport executes which of FRR's YANG modules, and why
    Coverage,
    /// Print a completion script for a shell
    Completion {
        /// Shell to complete for
        shell: Shell,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Every line of the help that begins with the program's name, as somebody pastes it: whole, and no more than that.
    #[test]
    fn examples_are_commands_and_fit_on_80_columns() {
        fn examples(command: &clap::Command, found: &mut Vec<String>) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            // A line that ends with a backslash goes on.
            let lines = help.replace("\\\n", "");
            let lines = lines.lines().filter(|line| line.starts_with("  novaroutectl "));
            found.extend(lines.map(str::to_owned));
            for line in help.lines().filter(|line| line.starts_with("  ")) {
                assert!(line.chars().count() <= 80, "{line}");
            }
            command.get_subcommands().for_each(|below| examples(below, found));
        }
        let mut found = Vec::new();
        examples(&Cli::command(), &mut found);
        assert!(found.len() > 20, "{found:?}");
        for line in found {
            let command = line.split(" | ").next().unwrap_or_default();
            let parsed = Cli::try_parse_from(command.split_whitespace());
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
    }

    #[test]
    fn secrets_are_not_in_debug_output() {
        let cli = Cli::parse_from(
            "novaroutectl apply-peer --owner o --token s3cret --neighbor 10.0.0.1 --remote-as 1 \
             --password hush"
                .split_whitespace(),
        );
        let text = format!("{cli:?}");
        assert!(!text.contains("s3cret") && !text.contains("hush"), "{text}");
    }
}
