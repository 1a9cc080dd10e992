//! A definition per domain of CLINC150, as an administrator would write it.

/// Domain, name, definition.
pub(crate) const DEFINITIONS: [(&str, &str, &str); 10] = [
    (
        "banking",
        "Banking",
        "Questions about bank accounts, balances, transfers, transactions, paying bills, reporting fraud, PINs and checks.",
    ),
    (
        "credit_cards",
        "Credit cards",
        "Questions about credit cards, credit limits, credit scores, card applications, rewards, interest rates and fees.",
    ),
    (
        "kitchen_and_dining",
        "Food and restaurants",
        "Cooking, recipes, ingredients, nutrition, calories, and restaurant reservations or reviews.",
    ),
    (
        "home",
        "Household",
        "Tasks at home such as playing music, playlists, shopping lists, to-do lists, calendars, reminders, orders and smart devices.",
    ),
    (
        "auto_and_commute",
        "Cars and driving",
        "Cars and commuting: traffic, directions, distances, gas, tires, oil changes, maintenance and ride services.",
    ),
    (
        "travel",
        "Travel",
        "Planning a trip: booking flights and hotels, car rental, luggage, visas, vaccines, exchange rates, time zones and translation.",
    ),
    (
        "utility",
        "Everyday tools",
        "Weather, alarms, timers, dates, phone calls, texts, spelling, definitions, calculations and measurements.",
    ),
    (
        "work",
        "Work and pay",
        "Employment matters: payday, income, taxes, paid time off, meetings, insurance, retirement accounts and direct deposit.",
    ),
    (
        "small_talk",
        "Small talk",
        "Chatting with the assistant about itself: its name, age, maker, hobbies and pets, jokes, greetings and thanks.",
    ),
    (
        "meta",
        "Assistant settings",
        "Commands that change the assistant: its volume, speed, accent, language or name, repeating, cancelling, syncing devices.",
    ),
];
