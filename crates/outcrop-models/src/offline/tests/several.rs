//! Several calls in one request, values of many forms, and who the user is.

use super::*;

/// The calls of one turn in which every tool answers "ok", joined by ` + `.
fn calls(tools: &[ToolSpec], words: &str) -> String {
    play(tools, &["You help."], &[words], &|_, _| "ok".to_owned())[0].steps.join(" + ")
}

fn check_calls(tools: &[ToolSpec], words: &str, expected: &[&str]) {
    assert_eq!(calls(tools, words), expected.join(" + "), "{words}");
}

fn shapes() -> Vec<ToolSpec> {
    vec![
        spec(
            "S__prism_volume",
            "Volume of a prism by its width, depth and height.",
            &["width number* : The width.", "depth number* : The depth.", "height number* : The height."],
        ),
        spec("S__sphere_surface", "Surface of a sphere.", &["radius number* : The radius of the sphere."]),
        spec("S__sphere_volume", "Volume of a sphere.", &["radius number* : The radius of the sphere."]),
    ]
}

#[test]
fn values_side_by_side_are_calls_side_by_side() {
    let one = |radius: f64| format!(r#"sphere_surface {{"radius":{radius}}}"#);
    check_calls(
        &shapes(),
        "What is the surface of spheres with a radius of 2, 3 and 7?",
        &[&one(2.0), &one(3.0), &one(7.0)],
    );
    check_calls(
        &shapes(),
        "Find the surface of a sphere with a radius of 4 and of another sphere with a radius of 9.",
        &[&one(4.0), &one(9.0)],
    );
    check_calls(
        &shapes(),
        "I have two prisms. The first prism has a width of 2, a depth of 3 and a height of 4. The second prism has a width of 5, a depth of 6 and a height of 7. What is the volume of each prism?",
        &[r#"prism_volume {"width":2,"depth":3,"height":4}"#, r#"prism_volume {"width":5,"depth":6,"height":7}"#],
    );
}

#[test]
fn tools_side_by_side_share_what_is_said_once() {
    check_calls(
        &shapes(),
        "What are the surface and the volume of a sphere with a radius of 6?",
        &[r#"sphere_surface {"radius":6}"#, r#"sphere_volume {"radius":6}"#],
    );
}

#[test]
fn units_say_which_number_is_which() {
    let tools = [spec(
        "brake_distance",
        "Distance a truck needs to brake.",
        &["mass number* : Mass.", "speed number* : Speed.", "deceleration number* : Deceleration in m/s^2."],
    )];
    check_calls(
        &tools,
        "How far does a truck of 9000 kg at 25 m/s need to brake with a deceleration of 4 m/s^2?",
        &[r#"brake_distance {"mass":9000,"speed":25,"deceleration":4}"#],
    );
}

#[test]
fn currencies_have_codes_and_directions() {
    let tools = [spec(
        "convert_money",
        "Convert an amount of money from one currency to another.",
        &[
            "amount number* : How much.",
            "from_currency string* : Currency code.",
            "to_currency string* : Currency code.",
        ],
    )];
    check_calls(
        &tools,
        "Convert 75 Swiss francs to Japanese yen.",
        &[r#"convert_money {"amount":75,"from_currency":"CHF","to_currency":"JPY"}"#],
    );
}

#[test]
fn a_tool_that_takes_what_is_told_needs_no_word_of_its_own() {
    let tools = [spec(
        "note_visit",
        "Notes what is said of a visit to the museum.",
        &["people string : Who comes, as it is said.", "day string : The day.", "time string : The time of day."],
    )];
    check_calls(
        &tools,
        "We will be 2 adults and 3 kids on the 4th of May at 10:30",
        &[r#"note_visit {"people":"2 adults and 3 kids","day":"4th of May","time":"10:30"}"#],
    );
    check_calls(&tools, "The weather is nice.", &[]);
}

#[test]
fn short_replies_are_the_value_that_was_asked_for() {
    let check = |parameter: &str, reply: &str, value: &str| {
        let tools = [spec("note_visit", "Notes a visit to the museum.", &[parameter])];
        let turns =
            play(&tools, &["You help."], &["I would like to visit the museum.", reply], &|_, _| "ok".to_owned());
        let name = parameter.split(' ').next().unwrap();
        assert_eq!(turns[0].steps, Vec::<String>::new(), "{}", turns[0].answer);
        assert_eq!(turns[1].steps, [format!(r#"note_visit {{"{name}":"{value}"}}"#)], "{reply}: {}", turns[1].answer);
    };
    check("people string* : How many people.", "it'll be me and my two cousins", "me and my two cousins");
    check("time string* : The time.", "around 9 would be great", "9");
    check("date string* : The day.", "the 21st please", "21st");
    check("last_name string* : The last name.", "I am called Ada Byron", "Byron");
}

fn library() -> Vec<ToolSpec> {
    vec![
        spec("find_member_id_by_email", "Finds the ID of a member by e-mail address.", &["email string* : E-mail."]),
        spec(
            "find_member_id_by_name_zip",
            "Finds the ID of a member by name and zip code.",
            &["first_name string* : First name.", "last_name string* : Last name.", "zip string* : Zip code."],
        ),
        spec(
            "get_member_details",
            "Details of a member, with the member's loans.",
            &["member_id string* : ID of the member, such as 'm_12'."],
        ),
        spec("get_loan_details", "Details of a loan.", &["loan_id string* : ID of the loan, such as 'L-100'."]),
        spec(
            "extend_loan",
            "Extend a loan of a member. Ask the member for a clear yes before.",
            &["loan_id string* : ID of the loan, such as 'L-100'."],
        ),
    ]
}

fn shelf(tool: &str, input: &Value) -> String {
    match tool {
        "find_member_id_by_name_zip" if input["last_name"] == "Byron" && input["zip"] == "10044" => "m_77".to_owned(),
        "find_member_id_by_name_zip" | "find_member_id_by_email" => "Error: no such member".to_owned(),
        "get_member_details" => json!({"member_id": "m_77", "loans": ["L-201", "L-202"]}).to_string(),
        "get_loan_details" => json!({"loan_id": input["loan_id"], "title": "On Numbers", "status": "open"}).to_string(),
        _ => json!({"status": "done"}).to_string(),
    }
}

#[test]
fn who_it_is_comes_first_and_records_are_read_before_they_are_asked_for() {
    let instruction = "You help members of a library. At the beginning of the conversation you have to authenticate the member by email, or by name and zip code.";
    let turns = play(
        &library(),
        &[instruction],
        &["Please extend my loan", "I'm Ada Byron, my zip code is 10044", "Yes"],
        &shelf,
    );
    assert!(turns[0].steps.is_empty() && turns[0].answer.contains("zip"), "{}", turns[0].answer);
    assert_eq!(
        turns[1].steps,
        [
            r#"find_member_id_by_name_zip {"first_name":"Ada","last_name":"Byron","zip":"10044"}"#,
            r#"get_member_details {"member_id":"m_77"}"#,
            r#"get_loan_details {"loan_id":"L-201"} + get_loan_details {"loan_id":"L-202"}"#,
        ],
        "{}",
        turns[1].answer
    );
    // Which of the two is meant nobody said, and a yes does not say it either.
    assert!(turns[1].answer.contains("What is the loan ID"), "{}", turns[1].answer);
    assert!(turns[2].steps.iter().all(|step| !step.contains("extend_loan")), "{:?}", turns[2].steps);
}
