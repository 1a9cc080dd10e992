//! Signs: patterns over the cleared text that mean something to a content filter, alone or together.
//!
//! Training weighs them; what they look for is written by hand, so that what a filter knows does not stop at the words
//! of its training texts.

use regex::Regex;
use std::sync::LazyLock;

/// Groups of people that hate speech is about.
const GROUP: &str = r"\b(?:women|woman|wom[ea]n's|females?|girls?|gays?|gay people|lesbians?|homosexuals?|queer people|trans|transgender|transsexuals?|blacks?|black people|black person|africans?|african americans?|asians?|chinese|mexicans?|latinos?|hispanics?|whites|white people|muslims?|islam|islamic|arabs?|jews?|jewish|christians?|hindus?|sikhs?|buddhists?|catholics?|immigrants?|migrants?|refugees?|foreigners?|asylum seekers?|disabled|disability|handicapped|cripples?|autistic|natives|indians|pakistanis?|turks?|romani|gypsies|gypsy|roma people|minorities|minority|elderly|old people|feminists?|mentally ill|down syndrome|israelis?|palestinians?|nigerians?|poles|race|races|ethnicity|religion)\b";
const SLUR: &str = r"\b(?:nigg\w*|fag\w*|dykes?|trann\w+|shemales?|kikes?|chinks?|gooks?|spics?|wetbacks?|beaners?|pakis?|ragheads?|towelheads?|sandnigg\w*|muzzies?|muzrats?|mudslimes?|jihadis?|rapefugees?|retards?|retarded|spastics?|cripples?|mongoloids?|coons?|darkies|jigaboos?|wogs?|gypsys?|sluts?|whores?|cunts?|bitch\w*|thots?|hoes?|libtards?|honky|crackers|redskins?|squaws?|poofs?|poofters?|sodomites?|he-?shes?|trans?vestites?|bints?|slags?|niglets?|zipperheads?|untermensch\w*)\b";
const NEGATIVE: &str = r"\b(?:disgust\w*|scum|vermin|filth\w*|trash|garbage|parasit\w*|animals|subhuman\w*|inferior|rats|pigs|dogs|cockroach\w*|roach\w*|insects?|plague|cancer|disease\w*|virus|worthless|pathetic|stupid|dumb|idiot\w*|brainless|ignorant|retard\w*|repugnant|repulsive|revolting|vile|evil|despicable|degenerate\w*|primitive|uncivili[sz]ed|savages?|barbari\w+|criminals?|violent|cruel|terrorists?|rapists?|thiev\w+|lazy|dirty|ugly|immoral|sick|sickens?|mental\w*|crazy|abomination\w*|shit\w*|bastards?|asshole\w*|sucks?|useless|worse|worst|abnormal|unnatural|freaks?|threat to|ruin\w*|invad\w+|infest\w*|leech\w*|nothing but|less than human|not human|beneath)\b";
const HATE_VERB: &str = r"\b(?:hate|hates|hated|hatred|despise\w*|detest\w*|loathe\w*|abhor\w*|can't stand|cannot stand|cant stand|disgusted|disgusts?|dislike\w*|contempt|disdain|sick of|fed up|makes? me (?:sick|angry|want to vomit|puke)|no respect|resent\w*|allergic|couldn't care less|don't belong|do not belong|go back to|get rid of|keep (?:them )?out|ban them|deport\w*)\b";
const THREAT: &str = r"\b(?:kill\w*|murder\w*|slaughter\w*|exterminat\w*|eradicat\w*|eliminat\w*|execut\w+|hang(?:ed)?|lynch\w*|shoot|shot|stab\w*|burn\w*|gas(?:sed)?|behead\w*|drown\w*|beat(?:en)? up|beat the|punch\w*|strangl\w*|tortur\w*|rape[ds]?|raping|suffer|die|dead|death to|wipe\w* out|put an end|hunt (?:down|them)|hurt|harm|destroy|annihilat\w*|put down|smash|crush|attack\w*|bomb(?:ed)?|castrat\w*|steriliz\w*|hurt them|dumped|landfill)\b";

/// The patterns, by index. Their order is part of the weights: add at the end, and train again.
const PATTERNS: [&str; 56] = [
    // 0..: people and hate
    GROUP,
    SLUR,
    NEGATIVE,
    HATE_VERB,
    THREAT,
    r"\b(?:love\w*|admir\w*|respect\w*|wonderful|fantastic|amazing|great|beautiful|brave|proud|equal\w*|deserve|celebrat\w*|support\w*|welcome|kind|compassionate|support|thriv\w*|human rights|rights)\b",
    r"\b(?:not|don't|do not|doesn't|never|no one|nobody|isn't|aren't|wasn't|shouldn't|should not|won't|can't|without|against|neither|nor)\b",
    r#"["]"#,
    r"\b(?:racist|racism|sexis[tm]|bigot\w*|hateful|homophob\w*|transphob\w*|islamophob\w*|misogyn\w*|unacceptable|not okay|not ok|not cool|offensive|ashamed|shame on|stop saying|stop calling|called me|calling people|telling|condemn\w*|discriminat\w*|prejudice\w*|will not tolerate|wrong to|in my timeline|posts? like|how can you say|has no place|made me cry|tweet\w*|said this|saying)\b",
    r"\b(?:should|deserve|must|ought|need to|has to|have to|let's|time to|going to|gonna|want to|wish|hope|would love to|solution|somebody|someone|everyone)\b",
    r"\b(?:you|you're|your|u|ur)\b",
    r"\b(?:you are|you're|you|ur|your|such an?|what an?) (?:\w+ ){0,3}(?:idiot\w*|moron\w*|stupid|dumb\w*|loser\w*|pathetic|worthless|ugly|fat|disgusting|trash|garbage|scum|pig|clown|joke|useless|coward\w*|failure|imbecile|fool|creep|freak|liar|brainless|piece of|asshole|bastard|bitch|cunt|dick\w*|jerk|weirdo|waste of)\b",
    r"\b(?:idiot\w*|moron\w*|imbecile\w*|loser\w*|dumbass\w*|dipshit\w*|shithead\w*|asshole\w*|bastard\w*|dickhead\w*|scumbag\w*|jackass\w*|douche\w*|prick|twat|wanker\w*|tosser|cretin\w*|halfwit\w*|nitwit\w*|dimwit\w*|airhead|simpleton|lowlife|pathetic excuse|shut up|shut your|stfu|screw you|get lost|kys|kill yourself|nobody likes you|go to hell|fuck you|fuck off|suck my|eat shit|piece of shit|waste of space|son of a bitch|motherfuck\w*)\b",
    // 13: things and people that are no group
    r"\b(?:movie\w*|films?|weather|traffic|food|game\w*|politicians?|landlords?|bankers?|ceo\w*|executives?|nazis?|car|phone|book|song|team|mondays?|broccoli|trunk|review\w*|item|furniture|job|school|homework|neighbo\w+|dinner|cleaning)\b",
    r"\b(?:those|these|they|them|their|all|every|most|only|any|by nature|in their nature)\b",
    // 15: sexual
    r"\b(?:sex|sexual\w*|sexy|porn\w*|erotic\w*|nud(?:e|es|ity|ist)|naked|orgasm\w*|masturbat\w*|blowjob\w*|handjob\w*|cum|cumming|cumshot\w*|ejaculat\w*|penis\w*|vagina\w*|pussy|cock|dick|tits|titties|boobs|breasts?|nipples?|clit\w*|anal|horny|aroused?|arousal|moan\w*|thrust\w*|fetish\w*|bdsm|kinky|threesome\w*|orgy|stripper\w*|striptease|lingerie|seduc\w*|hentai|milf\w*|escort\w*|prostitut\w*|incest\w*|intercourse|fellatio|cunnilingus|genital\w*|undress\w*|make love|hook ?up|dildo\w*|vibrator\w*|onlyfans|nsfw|deepthroat\w*|gangbang\w*|creampie|lust\w*|erection\w*|panties|thighs|wet for|ride me|fuck me|bend over|lick(?:ed|ing)? (?:my|her|his))\b",
    r"\b(?:child|children|kids?|minors?|underage|teen\w*|preteen\w*|toddler\w*|infants?|schoolgirls?|schoolboys?|little (?:girl|boy)s?|loli\w*|shota\w*|1[0-7] ?-?years? ?-?old|pedo\w*|paedo\w*|step(?:sister|brother|daughter|son|mom|dad))\b",
    r"\b(?:story|scene|fantasy|roleplay|role play|describe|explicit|graphic|detailed|steamy|fan ?fic\w*|write)\b",
    // 18: violence
    r"\b(?:kill|kills|killed|killing|murder\w*|stab\w*|shoot(?:ing|er)?|shot|slaughter\w*|massacre\w*|behead\w*|decapitat\w*|dismember\w*|tortur\w*|mutilat\w*|strangl\w*|beat(?:ing|en)?|punch\w*|assault\w*|assassinat\w*|lynch\w*|rape[ds]?|raping|blood\w*|gore|gory|corpse\w*|genocid\w*|execut(?:e|ed|ion)|bomb\w*|explo(?:de|sion|sive)\w*|arson|burn (?:down|alive)|poison\w*|hurt|harm|attack\w*|throat|skull|bullets?|choke|brutal\w*|bash\w*|bleed\w*|wound\w*)\b",
    r"\b(?:guns?|rifle\w*|pistol\w*|firearm\w*|knife|knives|weapon\w*|machete|grenade\w*|ammunition|ammo|silencer|ar-?15|ak-?47|shotgun|sword|pipe bombs?|molotov|napalm|c4|landmine|missile\w*|nerve agent\w*|chemical weapon\w*|bioweapon\w*|dirty bomb)\b",
    r"\b(?:suicid\w*|self[ -]?harm\w*|cut(?:ting)? (?:myself|yourself|my wrists?)|kill (?:myself|yourself|himself|herself|themsel\w+)|end (?:my|your) life|overdos\w*|want to die|hang myself|anorexi\w*|bulimi\w*|pro[- ]?ana|thinspo|starve (?:myself|yourself)|purge)\b",
    r"\b(?:i will|i'll|i am going to|i'm going to|we will|we'll|gonna|i want to|i wanna|i'd love to) (?:\w+ ){0,3}(?:kill|murder|stab|shoot|hurt|beat|destroy|slaughter|rape|burn|punch|strangle|hunt|find) (?:you|him|her|them|that|those|my|the|all|every)\b",
    // 22: misconduct
    r"\b(?:hack\w*|malware|ransomware|virus(?:es)?|trojan\w*|keylogger\w*|phish\w*|ddos|botnet\w*|exploits?|zero[- ]?day\w*|sql injection|backdoor\w*|rootkit\w*|spyware|worms?|payload\w*|brute[- ]?force\w*|crack (?:a|the|someone|passwords?|wifi)|steal\w* (?:passwords?|data|credentials|identit\w+|credit)|xss|privilege escalation|obfuscat\w*|password crack\w*|credential\w*|spoof\w*|deepfake\w*|doxx?\w*|swat(?:t\w+)?|stalk\w*|track someone|without (?:their|his|her) (?:knowledge|consent|permission)|spy on)\b",
    r"\b(?:meth|methamphetamine\w*|cocaine|heroin|fentanyl|mdma|ecstasy|lsd|ghb|rohypnol|crack cocaine|opioids?|ketamine|amphetamine\w*|nitazene\w*|safrole|drug (?:deal\w*|lab|cartel|smuggl\w*|traffick\w*)|date rape drug|controlled substance\w*|illegal drugs?|precursor\w*|synthes(?:is|ize|izing|ise|ising)|pills without|dmt|magic mushrooms|launder)\b",
    r"\b(?:bomb\w*|explosive\w*|thermite|tatp|anfo|ricin|sarin|vx|mustard gas|nerve agent\w*|anthrax|botulinum\w*|chlorine gas|cyanide|strychnine|toxins?|biological (?:weapon|warfare|agent)\w*|bioweapon\w*|biohazard\w*|chemical weapon\w*|uranium|plutonium|pathogen\w*|gunpowder|detonat\w*|ied|incendiary|napalm|lewisite|phosgene|smallpox|radioactive|dirty bomb)\b",
    r"\b(?:steal\w*|theft|shoplift\w*|rob(?:bing|bery|bed)?|burglar\w*|break into|pick (?:a )?locks?|carjack\w*|hotwir\w*|counterfeit\w*|forg(?:e|ed|ery|ing)|fake (?:id|ids|passport\w*|documents?|money|reviews?|news|prescription\w*|certificate\w*|invoice\w*)|fraud\w*|scam\w*|launder\w*|embezzl\w*|tax evasion|evade tax\w*|insider trading|brib\w*|blackmail\w*|extort\w*|kidnap\w*|smuggl\w*|traffick\w*|poach\w*|pirat\w+|torrents?|ponzi|pyramid scheme|identity theft|skimm\w*|bypass (?:security|drm|paywall|a lock|id)|black market|dark ?web|unregistered|untraceable|illegal\w*|hit ?man|hitmen|vandal\w*|trespass\w*|tamper\w*|rig an? election|ballot stuffing|ghost gun\w*)\b",
    r"\b(?:without (?:getting|being) (?:caught|detected|noticed)|avoid (?:detection|getting caught|police|suspicion|being caught)|get away with|evade\w* (?:detection|law|police|security|filters?|state)|undetect\w*|untraceab\w*|cover (?:up|my tracks)|hide (?:the|a) (?:body|evidence)|anonymously|secretly|undetected|dispose of)\b",
    r"\b(?:how (?:to|do i|can i|do you|would i|could i|can you)|ways? to|steps? to|step[- ]by[- ]step|instructions?|guide|tutorial|recipe for|teach me|tell me how|explain how|show me how|tips (?:for|on)|methods? (?:for|of|to)|give me|provide|list of|best way|easiest way|help me|generate|create|write|make|build|detailed|design|develop|plan)\b",
    r"\b(?:persua\w+|convinc\w+|defam\w+|propaganda|disinformation|misinformation|conspiracy|hoax|fake news|hate mail|promot(?:e|es|ing)|glorif\w*|normali[sz]\w+|encourag\w+|incit\w*|radicali[sz]\w*|recruit\w*|harass\w*|bully\w*|bullying|humiliat\w*|intimidat\w*|manipulat\w*|blackmail\w*|threaten\w*|threatening|offensive|insult\w*|mock\w*|racist|sexist|antisemit\w*|anti-semit\w*|holocaust|denial|denying|inherently|inferior|superior)\b",
    r"\b(?:animal cruelty|dog ?fight\w*|cannibal\w*|human traffick\w*|child labor|slave\w*|organ (?:trade|harvest\w*)|terroris\w*|isis|al[- ]qaeda|hamas|white suprem\w*|neo-?nazi\w*|kkk|mass shoot\w*|school shoot\w*|massacre|genocide|jihad\w*|extremis\w*|militia)\b",
    // 30: prompt attacks
    r"\b(?:ignore|disregard|forget|forgot|forgotten|override|overlook|bypass|skip|neglect|discard|drop|do not (?:listen|follow|pay)|don't (?:listen|follow)|stop following|pay no attention|remove|erase|delete|clear|reset|cancel|circumvent)\b[^.!?]{0,60}?\b(?:instructions?|directions?|rules?|guidelines?|prompts?|orders?|commands?|tasks?|assignments?|programming|restrictions?|polic(?:y|ies)|constraints?|context|directives?|guardrails?|safety|filters?|training|conversation|information|text|said|told|asked|learned|above|previous|before|prior|preceding|earlier|everything|all)\b",
    r"\b(?:previous|prior|above|preceding|earlier|former|initial|original|existing|given|your|all|any|the|these|those|past|foregoing) (?:\w+ )?(?:instructions?|directions?|rules|guidelines|prompts?|orders|commands|tasks|directives?|programming|restrictions)\b",
    r"\b(?:forget|ignore|disregard|vergiss|vergessen|ignorier\w*|olvid\w+|ignora\w*|oublie\w*|ignorez|dimentica\w*|esqueca|zabud\w*|negeer|vergeet)\b[^.!?]{0,30}\b(?:everything|all|anything|alles|alle|todo|toda\w*|tout|tutto|tudo|before|above|previous|davor|zuvor|vorher\w*|anterior\w*|instrucciones|anweisung\w*|aufgaben|vorige\w*|obige\w*|gesagt\w*|precedent\w*)\b",
    r"\b(?:print|show|reveal|repeat|display|output|tell me|give me|share|disclose|leak|expose|write|list|return|echo|recite|spell-? ?check|translate|summari[sz]e|what (?:is|are|was|were)|provide|dump|copy|zeig\w*|nenn\w*|gib|drucken?|wiederhol\w*)\b[^.!?]{0,50}\b(?:prompts?|prompt ?texts?|system (?:prompt|message)|instructions?|initial instructions|instructions? (?:above|given)|rules you|your (?:rules|instructions|guidelines|prompt|configuration)|(?:written|stands?|text) above|above (?:prompt|text|instructions)|secret (?:word|key|code)|hidden|eingabeaufforderung|prompttexte?|anweisungen)\b",
    r"\b(?:you are now|you're now|you will (?:now )?(?:act|be|behave|play|pretend|respond|answer)|from now on|act as|acting as|i want you to act|want you to (?:be|act|pretend|play|respond|reply)|pretend (?:to be|you|that|you're)|behave (?:as|like)|play the role|roleplay as|role-play as|simulate|imagine (?:you|that you)|you are going to|you have been|assume the (?:role|persona)|take on the (?:role|persona)|du bist jetzt|jetzt bist du|stell dir vor|handle als|fungieren|actua como|eres ahora|agis comme|suppose you|speak like|talk like|answer as|respond as|reply as|be my)\b",
    r"\b(?:dan|dan mode|jailbr\w*|do anything now|developer mode|dev mode|god mode|sudo|evil|aim|stan|dude|apophis|unfiltered|uncensored|unrestricted|no (?:restrictions?|limits?|limitations?|rules|filters?|ethic\w*|moral\w*|censorship)|without (?:any )?(?:restrictions?|limits?|limitations?|filters?|ethic\w*|moral\w*|censorship)|free of (?:all )?(?:restrictions|filters)|not (?:bound|limited|restricted) by|break free|freed from|broken free|typical confines|ethical guidelines|content policy|amoral|opposite mode)\b",
    r"\b(?:language model|ai model|chatgpt|gpt-?\w*|openai|assistant|as an ai|chatbot|llm|claude|bard|gemini|your (?:programming|training|creators?|developers?))\b",
    r"(?:={4,}|#{3,}|-{5,}|\*{5,}|%{3,}|<\|?\w+\|?>|\[(?:system|inst|user|assistant)\]|\bend(?: of)? (?:prompt|instructions?|input|context|text|document)|\b(?:system|assistant|human|user|instructions?|new instructions?) ?:|\]\]|\{\{|\\n\\n|`{3}|-{3,})",
    r#"\b(?:say|print|output|write|answer|respond|reply|repeat|sag\w*|schreib\w*|antwort\w*|state|begin|start|type|tell|di|dime|dices|ausgeben|gib|shout|scream|confirm by)\b(?: \w+){0,6}? ?(?:["'`:]|only with|exactly)"#,
    r"\b(?:new (?:task|instructions?|orders?|role|rules?|focus)|neue[nrs]? (?:aufgabe|anweisung\w*)|instead|stattdessen|but (?:first|then|now)|now (?:forget|focus|concentrate|ignore|comes)|next task|real task|actual task|final task|focus (?:only )?on|konzentrier\w*|concentrate (?:only )?on|that is enough|das genugt|stop[.:!]|well done|sehr gut gemacht|let's get to the|follow(?:ing)? task|folgende\w* aufgabe|main task)\b",
    r"\b(?:in your (?:response|reply|answer|message|code|output|solution|implementation|elucidation)|your (?:response|reply|answer|message|output) (?:in|with|to|into|backward|should|must)|(?:include|insert|incorporat\w*|embed\w*|introduc\w*|integrat\w*|add\w*|append\w*|inject\w*|employ|utilize) (?:\w+ ){0,6}(?:code|snippet|link|block|excerpt|section|sentence|phrase|advertis\w*)|base ?(?:16|32|64)|reverse (?:order|sequence)|emoji only|caesar cipher|rot13|morse code|write your reply|send (?:[a-z]+ ){0,4}(?:data|emails?|conversation|information|passwords?|keys?|files?|contents?|history))\b",
    r"\b(?:secret|confidential|password|api keys?|credentials|private key|hidden)\b",
    r"\b(?:hypothetical\w*|fiction\w*|in a world|alternate (?:universe|reality)|for (?:educational|research) purposes|novel|story|character|imagine|simulation|grandmother|grandma|screenplay|thought experiment|game where|let's play)\b",
    r"\b(?:i hate|hate (?:trump|the|all)|hates the|die best\w*|is the best|the worst|die schlechteste\w*|beschissen|scheisse|fuck|dumm|i have been pwned|pwned|hacked|haha|lol|will die|stirbt)\b",
    r"\b(?:must (?:always|never|not|only|obey|answer|comply)|never (?:say|refuse|mention|tell)|always (?:answer|respond|comply|say)|obey|comply|at all times|no matter what|you (?:must|cannot|can not|may not|are not allowed to|are allowed)|you're (?:supposed|not supposed)|refuse|i can't|as an ai language)\b",
    r"\b(?:own (?:knowledge|words)|not (?:look|use|by|from) (?:\w+ ){0,3}(?:documents?|articles?|context|texts?)|(?:given|provided|following|above) (?:articles?|documents?|context|texts?|information)|do not (?:use|look|search)|nicht auf|eigene[ns]? wissen|irgendwelche|article|artikel)\b",
    r"\b(?:sql|select \*|drop table|database|linux terminal|terminal|shell command|rm -rf|sudo|curl|subprocess|os\.system|execute code|run (?:the|this) (?:code|command)|eval\()\b",
    r"\b(?:important|attention|urgent|note|warning|notice) ?(?:!|:|message|instruction|information)",
    r"\b(?:assistant|ai|agent|model|chatbot|bot|llm),? (?:you )?(?:must|should|please|will|ignore|now|reading this|processing)|\bif you are an? (?:ai|llm|language model|assistant)",
    r"\b(?:forward|email|send|post|upload|exfiltrat\w*|transfer|wire|refund|delete|grant|approve|purchase|buy|click|visit|download|call the|use the) (?:\w+ ){0,5}(?:to|at|tool|from|account|http\w*|link|all|admin|access|file\w*|record\w*)",
    r"\b(?:do not (?:tell|mention|inform|reveal|show|disclose|alert|notify)|don't (?:tell|mention|inform|reveal)|without (?:telling|informing|notifying|asking)|silently|keep (?:this|it) (?:secret|hidden|between)) ?(?:\w+ ){0,3}(?:user|anyone|them|this|customer)?",
    r"\b(?:what|which|who|when|where|why|how|is|are|was|were|do|does|can|could|wie|was|welche\w*|wo|wann|warum|wer|gibt|kann|konnen|hat)\b[^.!]*\?",
    r"\b(?:i am looking for|i would like|ich suche|ich mochte|ich bin auf der suche|i want to know|recommend\w*|empfehl\w*|my (?:brother|sister|wife|husband|friend)|plan\w* (?:a|to)|tipps|rezept|recipe|explain|discuss|describe|overview|difference between|history of|meaning of|konnen sie)\b",
    r"\b(?:kill(?:s|ed|ing)? (?:\w+ ){0,3}(?:process\w*|programs?|apps?|tasks?|jobs?|servers?|threads?|time|session\w*|lights?|engine|switch|bill)|shoot(?:ing)? (?:\w+ ){0,2}(?:photo\w*|video\w*|films?|hoops|email\w*|pictures?)|photo ?shoots?|(?:shoot|send) me an? (?:email|message|text)|bomb cyclone|death star|dead(?:line| end| battery)|drop dead gorgeous|killer (?:app|whale|deal)|execut(?:e|es|ed|ing|ion) (?:\w+ ){0,2}(?:code|programs?|commands?|plans?|query|queries|trades?|orders?|scripts?|contracts?|tests?)|attack on titan|(?:heart|panic) attacks?|burn(?:ing|ed)? (?:calories|fat|cd)|blood (?:pressure|test|sugar|type|donation|drive|glucose)\w*|hang(?:ing)? (?:out|up|a picture)|beat the (?:traffic|market|heat|clock|boss|record)|fire (?:drill|alarm|extinguisher)|(?:flu|booster|get a|getting a) shots?|knife set|credit score|report(?:ing)? (?:a |the )?(?:fraud\w*|scam\w*|theft|crime)|fraud (?:alert|department|protection|detection|prevention)|chicken breasts?|naked eye|sex education|breast (?:cancer|feeding))\b",
    r"\b(?:prevent\w*|protect\w*|safety|awareness|help(?:line|ing)? (?:for|someone)|support group|treat\w*|therap\w*|history|historical|news|law|legal\w*|detect\w*|report(?:ing)? (?:a|an|the)|recogni[sz]e|signs of|secure|security team|defen[sc]e|research|educat\w*|vaccin\w*|antidote|first aid|recover\w*|combat\w*|reduce|stop (?:bullying|smoking|harassment))\b",
    r"\b(?:nothing but|no better than|no different from|less than|scum of|waste of|go back|get out|not welcome|aren't welcome|should all|all be|are all|really are|by nature|in (?:their|its) nature|should never|would never|lives (?:aren't|do not|don't|are)|worth (?:nothing|shit|absolutely)|don't matter|do not matter|look human|end up in|where they (?:came|belong))\b",
];

/// Pairs of patterns that mean more together, within the whole text.
const PAIRS: [(usize, usize); 22] = [
    (0, 2),
    (0, 3),
    (0, 4),
    (0, 5),
    (0, 55),
    (14, 2),
    (14, 4),
    (14, 3),
    (0, 8),
    (1, 7),
    (1, 8),
    (6, 3),
    (6, 4),
    (0, 12),
    (15, 16),
    (15, 17),
    (18, 9),
    (22, 27),
    (23, 27),
    (24, 27),
    (25, 27),
    (26, 27),
];

/// The pattern of harmless phrases.
const IDIOMS: usize = 53;

/// Patterns that mean more when they are met several times: two signs each, for two and for four matches.
const COUNTED: [usize; 8] = [2, 4, 12, 15, 18, 22, 25, 30];

/// Signs of a prompt attack; how many different ones are present is a sign itself.
const ATTACK: [usize; 17] = [30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 44, 45, 46, 48, 49, 50];

/// How many signs there are: patterns, pairs, six of the text as a whole, counted patterns, numbers of attack signs.
pub(crate) const COUNT: usize = PATTERNS.len() + PAIRS.len() + 6 + 2 * COUNTED.len() + 3;

static REGEXES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    PATTERNS
        .iter()
        .map(|pattern| {
            // Cleared text is mostly ASCII; words of other scripts meet the hashed features.
            let pattern = pattern.replace(r"\b", r"(?-u:\b)").replace(r"\w", "[a-z0-9]");
            Regex::new(&pattern).expect("the patterns above are valid")
        })
        .collect()
});

/// The signs of a text, in order, each once.
pub(super) fn of(clear: &str, original: &str) -> Vec<u16> {
    let mut present = [false; COUNT];
    present[IDIOMS] = REGEXES[IDIOMS].is_match(clear);
    // "kill a process", "shoot some hoops": harsh words without harm say nothing to the other patterns.
    let cut = if present[IDIOMS] { REGEXES[IDIOMS].replace_all(clear, " ") } else { clear.into() };
    let clear = cut.as_ref();
    for (index, regex) in REGEXES.iter().enumerate().filter(|(index, _)| *index != IDIOMS) {
        present[index] = regex.is_match(clear);
    }
    for (index, (a, b)) in PAIRS.iter().enumerate() {
        present[PATTERNS.len() + index] = present[*a] && present[*b];
    }
    let after = PATTERNS.len() + PAIRS.len();
    present[after] = !crate::policies::words::profanity(original).is_empty();
    present[after + 1] = present[after] && present[10];
    present[after + 2] = original.len() < 60;
    present[after + 3] = original.len() > 400;
    let letters = original.chars().filter(|char| char.is_alphabetic()).count();
    present[after + 4] = letters > 12 && original.chars().filter(|char| char.is_uppercase()).count() * 2 > letters;
    present[after + 5] = clear.matches(['.', '!', '?', ':']).count() >= 3;
    for (index, pattern) in COUNTED.iter().enumerate() {
        if present[*pattern] {
            let matches = REGEXES[*pattern].find_iter(clear).take(4).count();
            present[after + 6 + 2 * index] = matches >= 2;
            present[after + 7 + 2 * index] = matches >= 4;
        }
    }
    let attacks = ATTACK.iter().filter(|sign| present[**sign]).count();
    for (index, least) in [2, 3, 4].into_iter().enumerate() {
        present[after + 6 + 2 * COUNTED.len() + index] = attacks >= least;
    }
    present.iter().enumerate().filter(|(_, present)| **present).map(|(index, _)| index as u16).collect()
}
