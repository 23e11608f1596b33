//! `explain`: the whole way of one object on one page.

use clap::{Args, ValueEnum};

use super::{
    Terminal,
    client::Client,
    error::CtlError,
    global::Global,
    output::{Explanation, Look},
    write,
};
use crate::proto::v1::ExplainRequest;

/// What a prefix may be declared as.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// A prefix that BGP advertises
    Bgp,
    /// A prefix that OSPF announces
    Ospf,
    /// A static route
    Static,
}

/// `explain`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  novaroutectl explain 192.0.2.10/32
  novaroutectl explain 10.0.0.2
  novaroutectl explain 198.51.100.0/24 --kind static -o json

Ends with 0 only if all is well: the session is established, the prefix is sent to every neighbour whose session \
carries its family, the static route is in the kernel.")]
pub struct Explain {
    /// Prefix, or address of a peer
    #[arg(value_name = "PREFIX|PEER|ROUTE")]
    target: String,
    /// What a prefix is meant as; without, the first of these as which it is declared
    #[arg(long, value_enum)]
    kind: Option<Kind>,
}

impl Explain {
    /// Asks the agent and shows the page.
    pub async fn run(
        &self,
        global: &Global,
        look: Look,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), CtlError> {
        let kind = match self.kind {
            None => "",
            Some(Kind::Bgp) => "bgp",
            Some(Kind::Ospf) => "ospf",
            Some(Kind::Static) => "static",
        };
        let request = ExplainRequest { target: self.target.clone(), kind: kind.to_owned() };
        let agent = Client::connect(global).await?;
        let answer = agent.answer(agent.diagnostics().explain(agent.request(request))).await?;
        let page = Explanation::from(answer);
        write(terminal.out, &look.show(&page))?;
        page.judge()
    }
}
