/* The words of the passages. Every eighth name is held out: it occurs in the set NAMES alone (generate.c). */
#ifndef EXAMPLES_READING_WORDS_H
#define EXAMPLES_READING_WORDS_H

static const char *const women[] = {
    "Anna",   "Maria",   "Julia",  "Clara",   "Emma",   "Sofia",  "Laura",    "Nina",     "Olivia", "Helen",  "Ruth",
    "Alice",  "Grace",   "Marta",  "Elena",   "Irene",  "Judith", "Paula",    "Vera",     "Agnes",  "Carol",  "Diana",
    "Fatima", "Leila",   "Amina",  "Yuki",    "Mei",    "Priya",  "Ingrid",   "Astrid",   "Lucy",   "Rosa",   "Ada",
    "Marie",  "Jane",    "Mary",   "Susan",   "Linda",  "Karen",  "Patricia", "Margaret", "Sarah",  "Rachel", "Hannah",
    "Eva",    "Johanna", "Louise", "Camille", "Noor",   "Zoe",    "Lily",     "Chloe",    "Isabel", "Teresa", "Monica",
    "Bianca", "Daria",   "Olga",   "Natalia", "Sabine", "Greta",  "Frieda",   "Kate",     "Angela"};
static const char *const men[] = {
    "Peter",  "Paul",   "John",    "David",   "Thomas",  "Martin", "Simon",   "Daniel", "Oscar",  "Victor", "Hugo",
    "Felix",  "Albert", "Henry",   "Karl",    "Anton",   "Bruno",  "Carlos",  "Diego",  "Pedro",  "Luis",   "Omar",
    "Ali",    "Hassan", "Kenji",   "Wei",     "Ravi",    "Arjun",  "Erik",    "Lars",   "Jack",   "George", "Isaac",
    "James",  "Robert", "Michael", "William", "Richard", "Joseph", "Charles", "Mark",   "Steven", "Andrew", "Ben",
    "Samuel", "Jonas",  "Lukas",   "Max",     "Leo",     "Noah",   "Adam",    "Ivan",   "Boris",  "Dmitri", "Pavel",
    "Marco",  "Luca",   "Matteo",  "Jean",    "Pierre",  "Louis",  "Frank",   "Walter", "Otto"};
static const char *const last_names[] = {
    "Smith",  "Brown",   "Miller",   "Garcia",   "Keller",    "Novak",    "Rossi",   "Schmidt",  "Jensen",   "Olsen",
    "Tanaka", "Kim",     "Chen",     "Wang",     "Singh",     "Khan",     "Ahmed",   "Silva",    "Santos",   "Costa",
    "Dubois", "Moreau",  "Laurent",  "Fischer",  "Weber",     "Wagner",   "Becker",  "Hoffmann", "Lindberg", "Virtanen",
    "Petrov", "Ivanova", "Kowalski", "Horvat",   "Papadakis", "Murphy",   "Walsh",   "Kelly",    "Evans",    "Hughes",
    "Taylor", "Clark",   "Lewis",    "Walker",   "Hall",      "Young",    "King",    "Wright",   "Green",    "Baker",
    "Adams",  "Nelson",  "Carter",   "Mitchell", "Turner",    "Parker",   "Collins", "Stewart",  "Morris",   "Cook",
    "Bell",   "Cooper",  "Ward",     "Gray",     "Watson",    "Brooks",   "Price",   "Bennett",  "Wood",     "Barnes",
    "Ross",   "Curie",   "Newton",   "Einstein", "Darwin",    "Lovelace", "Turing",  "Hopper",   "Mozart",   "Bach"};
static const char *const cities[] = {
    "Paris",     "London",    "Berlin",    "Madrid",    "Rome",       "Vienna",    "Prague",   "Warsaw",  "Lisbon",
    "Dublin",    "Oslo",      "Stockholm", "Helsinki",  "Copenhagen", "Athens",    "Budapest", "Zagreb",  "Brussels",
    "Amsterdam", "Hamburg",   "Munich",    "Cologne",   "Lyon",       "Marseille", "Milan",    "Naples",  "Venice",
    "Turin",     "Barcelona", "Valencia",  "Porto",     "Geneva",     "Zurich",    "Basel",    "Krakow",  "Gdansk",
    "Riga",      "Vilnius",   "Tallinn",   "Sofia",     "Istanbul",   "Ankara",    "Cairo",    "Tunis",   "Nairobi",
    "Lagos",     "Accra",     "Delhi",     "Mumbai",    "Tokyo",      "Kyoto",     "Osaka",    "Seoul",   "Beijing",
    "Shanghai",  "Hanoi",     "Bangkok",   "Manila",    "Sydney",     "Melbourne", "Auckland", "Toronto", "Montreal",
    "Boston",    "Chicago",   "Denver",    "Seattle",   "Dallas",     "Houston",   "Lima",     "Bogota",  "Quito",
    "Santiago",  "Havana",    "Oxford",    "Cambridge", "York",       "Bristol",   "Leeds",    "Cardiff"};
static const char *const pets[] = {"Bella", "Rocky", "Luna",   "Tiger",    "Coco",   "Buddy",  "Milo",    "Simba",
                                   "Daisy", "Oreo",  "Pepper", "Ginger",   "Snowy",  "Shadow", "Biscuit", "Pumpkin",
                                   "Nemo",  "Rex",   "Fluffy", "Whiskers", "Smokey", "Cookie", "Sparky",  "Honey"};
static const char *const syllables[] = {"ba", "be", "bo", "da", "do", "fa", "ga", "ka", "ko", "la",
                                        "le", "lo", "ma", "mi", "mo", "na", "ne", "no", "ra", "ri",
                                        "ro", "sa", "se", "ta", "ti", "to", "va", "vi"};
static const char *const codas[] = {"n", "r", "l", "s", "nd", "rt", "x", "m"};
static const char *const jobs[] = {"baker",      "teacher",    "nurse",        "doctor",    "carpenter", "pilot",
                                   "painter",    "journalist", "lawyer",       "farmer",    "cook",      "waiter",
                                   "librarian",  "plumber",    "dentist",      "tailor",    "gardener",  "bus driver",
                                   "chemist",    "engineer",   "architect",    "dancer",    "singer",    "butcher",
                                   "translator", "programmer", "photographer", "fisherman", "musician",  "judge"};
static const char *const adjectives[] = {"red",   "blue",   "green",  "old",   "new",   "small",
                                         "large", "wooden", "silver", "black", "white", "heavy",
                                         "cheap", "yellow", "brown",  "round", "used",  "broken"};
static const char *const things[] = {"bicycle", "lamp",  "table",  "chair",  "camera", "guitar",   "radio",  "clock",
                                     "coat",    "hat",   "boat",   "tent",   "mirror", "carpet",   "vase",   "sofa",
                                     "watch",   "drum",  "kettle", "ladder", "piano",  "suitcase", "helmet", "desk",
                                     "bag",     "scarf", "phone",  "laptop", "mug",    "kite"};
static const char *const shops[] = {"market",       "bookshop",         "flea market", "department store",
                                    "antique shop", "hardware store",   "harbour",     "pharmacy",
                                    "toy shop",     "second-hand shop", "supermarket", "music shop"};
static const char *const places[] = {"station", "library", "park",    "town hall", "theatre", "university",
                                     "beach",   "castle",  "airport", "stadium",   "school",  "cafe",
                                     "church",  "hotel",   "garden",  "bakery"};
static const char *const events[] = {"jazz festival", "book fair",   "marathon",      "chess tournament",
                                     "film festival", "concert",     "flower show",   "science fair",
                                     "auction",       "wedding",     "exhibition",    "boat race",
                                     "conference",    "school play", "dance contest", "food fair"};
static const char *const buildings[] = {"museum",   "library",     "swimming pool", "post office",
                                        "zoo",      "gallery",     "bank",          "cinema",
                                        "aquarium", "planetarium", "market hall",   "town archive"};
static const char *const colours[] = {"Northern", "Royal",    "Golden", "Harbour", "Central", "Riverside",
                                      "Old",      "National", "Silver", "Eastern", "Green",   "City"};
static const char *const companies[] = {"Bakery",  "Press",    "Orchestra", "Railway", "Institute", "Theatre",
                                        "Brewery", "Shipyard", "Hospital",  "Gallery", "Airline",   "Watch Company"};
static const char *const animals[] = {"dog",  "cat",     "parrot", "horse", "rabbit",
                                      "goat", "hamster", "turtle", "pony",  "snake"};
static const char *const languages[] = {"French",  "German", "Spanish",    "Italian", "Polish",  "Russian",
                                        "Arabic",  "Hindi",  "Japanese",   "Korean",  "Turkish", "Dutch",
                                        "Swedish", "Greek",  "Portuguese", "Finnish"};
static const char *const instruments[] = {"violin",   "piano",     "flute", "cello",  "trumpet", "harp",
                                          "clarinet", "accordion", "organ", "guitar", "drums",   "oboe"};
static const char *const foods[] = {"rice",    "soup",        "fish",      "pasta",    "bread and cheese", "pancakes",
                                    "noodles", "an omelette", "salad",     "porridge", "fried eggs",       "potatoes",
                                    "lentils", "toast",       "mushrooms", "beans"};
static const char *const meals[] = {"breakfast", "lunch", "dinner"};
static const char *const vehicles[] = {"train", "bus", "ferry", "plane", "coach", "tram"};
static const char *const structures[] = {"bridge", "tower", "wall", "tunnel", "dam", "pier"};
static const char *const prizes[] = {"chess",    "swimming", "poetry",  "cooking",     "sailing",   "physics",
                                     "painting", "singing",  "running", "photography", "chemistry", "spelling"};
static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
static const char *const weekdays[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
static const char *const title_words[] = {"River",  "Winter", "Garden", "Island", "Mirror",  "Stone",
                                          "Letter", "Night",  "Road",   "Sea",    "Orchard", "Window",
                                          "Forest", "Storm",  "Bridge", "Lantern"};
static const char *const materials[] = {"stone", "steel", "wood", "brick", "concrete", "glass"};
static const char *const numbers[] = {"two",   "three", "four", "five",   "six",   "seven",
                                      "eight", "nine",  "ten",  "eleven", "twelve"};

#endif
