//! The types of resource that can be deployed: names, attributes, what stands behind them.

/// A supported type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// An agent with its action groups.
    Agent,
    /// A name for a version of an agent.
    AgentAlias,
    /// Policies over inputs and outputs.
    Guardrail,
    /// An immutable copy of a guardrail.
    GuardrailVersion,
    /// A function.
    Function,
    /// A function as the serverless transform writes it.
    ServerlessFunction,
    /// Who may call a function.
    Permission,
    /// An IAM role.
    Role,
    /// An inline policy.
    Policy,
    /// A policy of its own.
    ManagedPolicy,
}

/// What is known of a type.
struct Facts {
    name: &'static str,
    attributes: &'static [&'static str],
    /// Properties, in the API's spelling, that cannot be changed in place.
    fixed: &'static [&'static str],
    /// The properties of a type that is recorded only.
    recorded: Option<&'static [&'static str]>,
}

/// All types.
pub(crate) const TYPES: [Type; 10] = [
    Type::Agent,
    Type::AgentAlias,
    Type::Guardrail,
    Type::GuardrailVersion,
    Type::Function,
    Type::ServerlessFunction,
    Type::Permission,
    Type::Role,
    Type::Policy,
    Type::ManagedPolicy,
];

impl Type {
    /// The type of a CloudFormation name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        TYPES.into_iter().find(|kind| kind.name() == name)
    }

    /// CloudFormation's name.
    pub(crate) fn name(self) -> &'static str {
        self.facts().name
    }

    /// What `Fn::GetAtt` can ask for.
    pub(crate) fn attributes(self) -> &'static [&'static str] {
        self.facts().attributes
    }

    /// Properties, in the API's spelling, whose change makes a new resource.
    pub(crate) fn fixed_properties(self) -> &'static [&'static str] {
        self.facts().fixed
    }

    /// The properties of a type that is kept in the record only; `None` for types that exist on the server.
    pub(crate) fn recorded_properties(self) -> Option<&'static [&'static str]> {
        self.facts().recorded
    }

    /// True for both ways to write a function.
    pub(crate) fn is_function(self) -> bool {
        matches!(self, Self::Function | Self::ServerlessFunction)
    }

    fn facts(self) -> Facts {
        match self {
            Self::Agent => Facts {
                name: "AWS::Bedrock::Agent",
                attributes: &[
                    "AgentArn",
                    "AgentId",
                    "AgentStatus",
                    "AgentVersion",
                    "CreatedAt",
                    "PreparedAt",
                    "UpdatedAt",
                ],
                fixed: &[],
                recorded: None,
            },
            Self::AgentAlias => Facts {
                name: "AWS::Bedrock::AgentAlias",
                attributes: &["AgentAliasArn", "AgentAliasId", "AgentAliasStatus", "CreatedAt", "UpdatedAt"],
                fixed: &["agentId"],
                recorded: None,
            },
            Self::Guardrail => Facts {
                name: "AWS::Bedrock::Guardrail",
                attributes: &["CreatedAt", "GuardrailArn", "GuardrailId", "Status", "UpdatedAt", "Version"],
                fixed: &[],
                recorded: None,
            },
            Self::GuardrailVersion => Facts {
                name: "AWS::Bedrock::GuardrailVersion",
                attributes: &["GuardrailArn", "GuardrailId", "Version"],
                fixed: &["description", "guardrailIdentifier"],
                recorded: None,
            },
            Self::Function => {
                Facts { name: "AWS::Lambda::Function", attributes: &["Arn"], fixed: &["FunctionName"], recorded: None }
            }
            Self::ServerlessFunction => Facts {
                name: "AWS::Serverless::Function",
                attributes: &["Arn"],
                fixed: &["FunctionName"],
                recorded: None,
            },
            Self::Permission => Facts {
                name: "AWS::Lambda::Permission",
                attributes: &["Id"],
                fixed: &[],
                recorded: Some(&[
                    "Action",
                    "EventSourceToken",
                    "FunctionName",
                    "FunctionUrlAuthType",
                    "InvokedViaFunctionUrl",
                    "Principal",
                    "PrincipalOrgID",
                    "SourceAccount",
                    "SourceArn",
                ]),
            },
            Self::Role => Facts {
                name: "AWS::IAM::Role",
                attributes: &["Arn", "RoleId"],
                fixed: &[],
                recorded: Some(&[
                    "AssumeRolePolicyDocument",
                    "Description",
                    "ManagedPolicyArns",
                    "MaxSessionDuration",
                    "Path",
                    "PermissionsBoundary",
                    "Policies",
                    "RoleName",
                    "Tags",
                ]),
            },
            Self::Policy => Facts {
                name: "AWS::IAM::Policy",
                attributes: &["Id"],
                fixed: &[],
                recorded: Some(&["Groups", "PolicyDocument", "PolicyName", "Roles", "Users"]),
            },
            Self::ManagedPolicy => Facts {
                name: "AWS::IAM::ManagedPolicy",
                attributes: &["PolicyArn", "PolicyId"],
                fixed: &[],
                recorded: Some(&[
                    "Description",
                    "Groups",
                    "ManagedPolicyName",
                    "Path",
                    "PolicyDocument",
                    "Roles",
                    "Users",
                ]),
            },
        }
    }
}
