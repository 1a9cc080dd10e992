//! The tools of the retail set: their names and parameters are the set's, the descriptions ours.

use crate::door::Function;
use serde_json::{Map, Value, json};

const ORDER: (&str, &str) = ("order_id string", "ID of the order, such as '#W0000000', with the # at its beginning.");
const USER: (&str, &str) = ("user_id string", "ID of the user, such as 'jane_doe_123'.");
const PAYMENT: (&str, &str) = (
    "payment_method_id string",
    "ID of the payment method that pays or takes back the difference, such as 'gift_card_0000000'. It stands in the user's or the order's details.",
);
const ITEMS: (&str, &str) = ("item_ids array", "IDs of the items concerned, each such as '1000000000'.");
const NEW_ITEMS: (&str, &str) =
    ("new_item_ids array", "IDs of the items that take their place, in the same order, each such as '1000000000'.");
const ADDRESS: [(&str, &str); 6] = [
    ("address1 string", "First line of the address, such as '12 Main St'."),
    ("address2 string", "Second line of the address, such as 'Apt 1', or nothing."),
    ("city string", "The city, such as 'Denver'."),
    ("state string", "The state, such as 'CO'."),
    ("country string", "The country, such as 'USA'."),
    ("zip string", "The zip code, such as '12345'."),
];

/// All of them.
pub(crate) fn functions() -> Vec<Function> {
    let with_address = |first: (&'static str, &'static str)| [&[first], &ADDRESS[..]].concat();
    vec![
        function(
            "calculate",
            "Calculates a mathematical expression.",
            &[("expression string", "Numbers, operators and brackets, such as '2 + 2'.")],
        ),
        function(
            "cancel_pending_order",
            "Cancels an order that is pending. Explain what will be cancelled and ask the user for a clear yes before.",
            &[ORDER, ("reason string", "Why, which is either 'no longer needed' or 'ordered by mistake'.")],
        ),
        function(
            "exchange_delivered_order_items",
            "Exchanges items of a delivered order for others of the same product. Explain the exchange and ask the user for a clear yes before.",
            &[ORDER, ITEMS, NEW_ITEMS, PAYMENT],
        ),
        function(
            "find_user_id_by_email",
            "Finds the ID of a user by e-mail address.",
            &[("email string", "E-mail address of the user, such as 'someone@example.com'.")],
        ),
        function(
            "find_user_id_by_name_zip",
            "Finds the ID of a user by first name, last name and zip code, for users who do not remember their e-mail address.",
            &[
                ("first_name string", "First name of the customer, such as 'Jane'."),
                ("last_name string", "Last name of the customer, such as 'Doe'."),
                ("zip string", "Zip code of the customer, such as '12345'."),
            ],
        ),
        function(
            "get_item_details",
            "Gets the details of an item in stock.",
            &[("item_id string", "ID of the item, such as '1000000000'. It is not the product's.")],
        ),
        function("get_order_details", "Gets the status and the details of an order.", &[ORDER]),
        function(
            "get_product_details",
            "Gets the details of a product and its variants in stock.",
            &[("product_id string", "ID of the product, such as '1000000000'. It is not the item's.")],
        ),
        function("get_user_details", "Gets the details of a user, with the user's orders.", &[USER]),
        function("list_all_product_types", "Lists names and product IDs of all product types of the store.", &[]),
        function(
            "modify_pending_order_address",
            "Changes the shipping address of a pending order. Explain the change and ask the user for a clear yes before.",
            &with_address(ORDER),
        ),
        function(
            "modify_pending_order_items",
            "Changes items of a pending order to others of the same product, once an order. Explain the change and ask the user for a clear yes before.",
            &[ORDER, ITEMS, NEW_ITEMS, PAYMENT],
        ),
        function(
            "modify_pending_order_payment",
            "Changes the payment method of a pending order. Explain the change and ask the user for a clear yes before.",
            &[ORDER, PAYMENT],
        ),
        function(
            "modify_user_address",
            "Changes the default address of a user. Explain the change and ask the user for a clear yes before.",
            &with_address(USER),
        ),
        function(
            "return_delivered_order_items",
            "Returns items of a delivered order. Explain the return and ask the user for a clear yes before.",
            &[ORDER, ITEMS, PAYMENT],
        ),
        function(
            "transfer_to_human_agents",
            "Hands the user over to a human agent, when the user asks for one or nothing else can be done.",
            &[("summary string", "What the user's issue is, in short.")],
        ),
    ]
}

fn function(name: &str, description: &str, parameters: &[(&str, &str)]) -> Function {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (head, description) in parameters {
        let (name, kind) = head.split_once(' ').unwrap_or((head, "string"));
        properties.insert(name.to_owned(), json!({"type": kind, "description": description}));
        required.push(Value::from(name));
    }
    Function {
        name: name.to_owned(),
        description: description.to_owned(),
        schema: json!({"type": "object", "properties": properties, "required": required}),
    }
}
