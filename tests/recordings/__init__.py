"""Recordings of the real service, played again through the loop.

A recording is a list of exchanges `{request: {method, uri, body}, response: {status, headers, events}}`. From one of
InvokeAgent or InvokeInlineAgent these modules make the agents it tells of (`cast`), a model that says what the recorded
model said (`model`), and functions that answer what the recorded ones answered; ask the same questions through boto3
(`replay`); and compare the two streams (`compare`): order of events, kinds of traces, members at every level, forms of
ids and which of them are the same, texts, and the chunk with its attribution.

A difference is a line. `coverage/traces.txt` lists those that stay, each with its reason.
"""
