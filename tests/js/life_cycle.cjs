// An agent's life and its invocations by the AWS SDK for JavaScript v3, unmodified but for the endpoint.
// `node life_cycle.cjs ENDPOINT FOLDER`, where FOLDER has node_modules. Prints what it saw as one line of JSON.
"use strict";
const { createRequire } = require("node:module");
const [endpoint, folder] = process.argv.slice(2);
const installed = createRequire(`${folder}/package.json`);
const control = installed("@aws-sdk/client-bedrock-agent");
const runtime = installed("@aws-sdk/client-bedrock-agent-runtime");

// The runtime's client speaks HTTP/2 of its own accord.
const config = { endpoint, region: "us-west-2", maxAttempts: 1, credentials: { accessKeyId: "test", secretAccessKey: "test" } };
const agents = new control.BedrockAgentClient(config);
const turns = new runtime.BedrockAgentRuntimeClient(config);

async function settled(get) {
  for (;;) {
    const status = await get();
    if (!status.endsWith("ING")) return status;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function invoke(agent, more) {
  const { completion } = await turns.send(new runtime.InvokeAgentCommand({ ...agent, sessionId: "js", enableTrace: true, ...more }));
  const seen = { text: "", kinds: [], control: null };
  for await (const event of completion) {
    const [kind] = Object.keys(event);
    if (seen.kinds.at(-1) !== kind) seen.kinds.push(kind);
    if (event.chunk) seen.text += Buffer.from(event.chunk.bytes).toString();
    if (event.returnControl) seen.control = event.returnControl;
  }
  return seen;
}

async function main() {
  const made = (await agents.send(new control.CreateAgentCommand({
    agentName: "from-an-sdk", foundationModel: "anthropic.claude-opus-4-7", agentResourceRoleArn: "arn:aws:iam::111111111111:role/AgentRole",
    instruction: "You help customers of a small shop with their orders, kindly and quickly.", tags: { team: "north" },
  }))).agent;
  const { agentId } = made;
  const get = async () => (await agents.send(new control.GetAgentCommand({ agentId }))).agent;
  const draft = await settled(async () => (await get()).agentStatus);
  const withGroup = (group) => agents.send(new control.CreateAgentActionGroupCommand({ agentId, agentVersion: "DRAFT", ...group }));
  const schema = (name) => ({ functions: [{ name, description: `Does ${name}.`, parameters: { order_id: { type: "string", required: true } } }] });
  await withGroup({
    actionGroupName: "OrderTools", functionSchema: schema("get_order_status"),
    actionGroupExecutor: { lambda: "arn:aws:lambda:us-west-2:111111111111:function:order-tools" },
  });
  await withGroup({ actionGroupName: "Approvals", functionSchema: schema("refund"), actionGroupExecutor: { customControl: "RETURN_CONTROL" } });
  const preparing = await agents.send(new control.PrepareAgentCommand({ agentId }));
  const prepared = await settled(async () => (await get()).agentStatus);
  const { agentAliasId } = (await agents.send(new control.CreateAgentAliasCommand({ agentId, agentAliasName: "PROD" }))).agentAlias;
  const alias = await settled(async () => (await agents.send(new control.GetAgentAliasCommand({ agentId, agentAliasId }))).agentAlias.agentAliasStatus);
  const names = [];
  for await (const page of control.paginateListAgents({ client: agents }, { maxResults: 1 })) names.push(...page.agentSummaries.map((each) => each.agentName));
  const { tags } = await agents.send(new control.ListTagsForResourceCommand({ resourceArn: made.agentArn }));

  const agent = { agentId, agentAliasId };
  const asked = await invoke(agent, { inputText: "Where is my order?" });
  const returned = await invoke(agent, { inputText: "I want a refund." });
  const input = returned.control.invocationInputs[0].functionInvocationInput;
  const resumed = await invoke(agent, {
    sessionState: {
      invocationId: returned.control.invocationId,
      returnControlInvocationResults: [{ functionResult: { actionGroup: input.actionGroup, function: input.function, responseBody: { TEXT: { body: "done" } } } }],
    },
  });

  let missing = "";
  try {
    await agents.send(new control.GetAgentCommand({ agentId: "ABCDEFGHIJ" }));
  } catch (error) {
    missing = error instanceof control.ResourceNotFoundException ? `${error.name} ${error.$metadata.httpStatusCode}` : String(error);
  }
  let invalid = "";
  try {
    await agents.send(new control.GetAgentCommand({ agentId: "not an id!" }));
  } catch (error) {
    invalid = error instanceof control.ValidationException ? `${error.name} ${error.fieldList.map((field) => field.name)}` : String(error);
  }
  const deleting = (await agents.send(new control.DeleteAgentCommand({ agentId, skipResourceInUseCheck: true }))).agentStatus;
  const left = (await agents.send(new control.ListAgentsCommand({}))).agentSummaries.length;
  console.log(JSON.stringify({
    states: [made.agentStatus, draft, preparing.agentStatus, prepared, alias, deleting], created: made.createdAt instanceof Date, names, tags,
    asked: [asked.kinds, asked.text],
    returned: [returned.kinds.at(-1), `${input.actionGroup}.${input.function}`, input.parameters.map((each) => `${each.name}=${each.value}`)],
    resumed: resumed.text, missing, invalid, left,
  }));
  agents.destroy();
  turns.destroy();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
