"""The model walk: valid and invalid requests made from the service models, and what their answers have to be.

botocore's models are the authority here, read afresh and not through the server's generated tables.
"""
