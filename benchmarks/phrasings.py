"""Thirty phrasings for each sort of question: twenty that the training grammar can generate, ten that it cannot.

`{k}` is a kind of shape, `{c}` a colour, `{n}` a subject such as "red circle". A test checks every list against the
grammar."""

TRAINED = {
    "colour": (
        "What colour is the {k}?", "What color is the {k}?", "Which colour is the {k}?",
        "What is the colour of the {k}?", "Tell me what colour the {k} is", "Can you tell me what color the {k} is?",
        "the colour of the {k}", "What colour does the {k} have?", "What colour would you say the {k} is?",
        "The {k} is what colour?", "Name the colour of the {k}", "What colour is the {k} in this picture?",
        "In which colour is the {k} drawn?", "Which color was used for the {k}?", "What hue is the {k}?",
        "do you know what colour the {k} is", "I want to know what colour the {k} is", "Give me the color of the {k}",
        "Please say what colour the {k} is", "What colour has the {k} got?",
    ),
    "shape": (
        "What shape is this?", "What shape is it?", "Which shape is that?", "What is this?", "What shape do you see?",
        "Tell me what shape it is", "What kind of shape is this?", "What figure is this?", "Identify the shape",
        "Name the shape", "What shape can you see?", "Which figure is shown?", "What sort of shape is it?",
        "what's this", "Could you tell me what shape this is?", "What do you call this shape?",
        "What shape is shown in this picture?", "Give me the shape", "What type of figure is that?",
        "What form is it?",
    ),
    "count": (
        "How many shapes are there?", "How many shapes do you see?", "How many objects are in the picture?",
        "Count the shapes", "Tell me how many shapes there are", "What is the number of shapes?",
        "How many things can you see?", "Can you count the shapes?", "How many figures are shown?",
        "Give me the number of shapes", "how many shapes", "What is the total number of shapes?", "Number of shapes",
        "How many shapes does the picture have?", "How many objects are there in this image?", "Count all the shapes",
        "How many shapes have you got?", "Could you count the objects?", "How many shapes does this picture show?",
        "What number of shapes do you see?",
    ),
    "where": (
        "Where is the {n}?", "Where's the {n}?", "Where can I find the {n}?", "Where do you see the {n}?",
        "Tell me where the {n} is", "What is the position of the {n}?", "Where is the {n} located?",
        "In which part is the {n}?", "Which corner is the {n} in?", "Whereabouts is the {n}?", "Find the {n}",
        "Locate the {n}", "Show me where the {n} is", "The {n} is where?", "Where in the picture is the {n}?",
        "Can you tell me where the {n} is?", "Where did they put the {n}?", "Where should I look for the {n}?",
        "Give me the location of the {n}", "What part of the picture is the {n} in?",
    ),
    "yesno": (
        "Is there a {n}?", "Do you see a {n}?", "Can you see a {n}?", "Is there any {n}?", "Is a {n} there?",
        "Does the picture have a {n}?", "Does this image show a {n}?", "Tell me if there is a {n}",
        "Can you tell me whether there is a {n}?", "Is there a {n} in the picture?", "Do you see any {n} here?",
        "Have you got a {n}?", "Is any {n} visible?", "Has it got a {n}?", "Check whether there is a {n}",
        "Is there a {n} to be seen?", "Does the photo contain a {n}?", "Can you see any {n} in this picture?",
        "I want to know if there is a {n}", "Does the drawing include a {n}?",
    ),
}  # fmt: skip

NEVER_TRAINED = {
    "colour": (
        "What colour do we have on the {k}?", "What's the {k}'s colour?", "So what colour is the {k}?",
        "Would you tell me the colour of the {k}?", "What is the {k}'s color?", "And the colour of the {k}?",
        "Look at the {k}: what colour is it?", "What colour might the {k} be?", "Tell us the color of the {k}",
        "Which colour can the {k} be said to have?",
    ),
    "shape": (
        "So what shape is it?", "What shape might this be?", "Can you name this shape?", "What shape have we here?",
        "Which shape are we looking at?", "What would you call this shape?", "Is there a shape, and which one is it?",
        "Say the name of this shape", "Do tell me which shape this is", "What shape did they draw?",
    ),
    "count": (
        "So how many shapes are there?", "How many shapes are you seeing?", "How many shapes might there be?",
        "How many shapes did they draw?", "Count up the shapes for me", "How many separate shapes are there?",
        "How many shapes in all?", "In total, how many shapes are there?", "Please count how many shapes there are",
        "How many different objects do you see?",
    ),
    "where": (
        "So where is the {n}?", "Where might the {n} be?", "Where does the {n} sit?",
        "Whereabouts can the {n} be found?", "Where would you say the {n} is?", "Where exactly is the {n}?",
        "Please find the {n} for me", "Where has the {n} been drawn?", "At which place is the {n}?",
        "Could you locate the {n}?",
    ),
    "yesno": (
        "So is there a {n}?", "Would there be a {n}?", "Are you seeing a {n}?", "Did they draw a {n}?",
        "Can a {n} be seen?", "Is it true that there is a {n}?", "Might there be a {n} here?", "Can you find a {n}?",
        "There is a {n}, isn't there?", "Would you say there is a {n}?",
    ),
}  # fmt: skip

OTHER = (
    "What is the capital of France?", "Who wrote Hamlet?", "What time is it?", "How old are you?", "Tell me a joke.",
    "What is the weather like today?", "How do I bake bread?", "What is two plus two?", "Who painted this picture?",
    "Where was this photo taken?", "What is the meaning of life?", "Can you sing?", "Play some music.",
    "Good morning", "How far is the moon?", "Translate this into French.", "What colour is the sky?",
    "What colour is the elephant?", "How many people live in London?", "Where is my phone?",
    "Is there a dog in the garden?", "What is behind the circle?", "Is the circle bigger than the square?",
    "How many corners does a square have?", "Why is the circle red?", "What does red mean?",
    "Who is the woman on the left?", "Is this a good picture?", "What should I cook tonight?",
    "How much does it cost?", "What breed is this cat?", "Is the train late?", "Which bus goes to the station?",
    "Where can I buy a star?", "Is he smiling?", "What is she holding?", "How tall is the building?",
    "Can I eat this?", "Is the milk still fresh?", "What brand is this shirt?", "Turn off the lights.",
    "Set a timer for ten minutes.", "Call my mother.", "What is your name?", "Who made you?", "Do you like music?",
    "Write a poem about the sea.", "What is the square root of nine?", "How heavy is the triangle?",
    "What is the area of the circle?", "Is the star next to the square?", "Which shape is the largest?",
    "Which shape is left of the circle?", "What happens if I press this button?", "How do I get to the airport?",
    "Is this plant poisonous?", "What kind of bird is this?", "How many windows does the house have?",
    "What colour is the car?", "What colour are her eyes?", "Where is the exit?", "Is there a doctor here?",
    "Are there any chairs?", "How many cats do you see?", "What shape is the table?", "What shape is the universe?",
    "Is it raining?", "What year was this made?", "Whose hand is that?", "What is the temperature?",
    "Is the door open?", "What is on the table?", "How fast does it go?", "Where does the road lead?",
    "What is the man doing?", "Is this medicine safe?", "When does the shop close?", "Who won the match?",
    "What is your favourite colour?", "Do triangles have feelings?", "How do you draw a star?",
    "Which planet is this?", "Is the water deep?", "What language is this?", "Can you help me with my homework?",
    "What is a circle?", "Define a triangle.", "How many days are in a year?", "Are you sure?", "Why?", "Thank you",
    "Hello there", "What is ten times four?", "Do you see a pink elephant?", "Where is the purple dog?",
    "How many green bottles are there?", "Is the yellow bus on time?", "What is the texture of the square?",
    "Who drew the star?", "Move the circle to the left.",
)  # fmt: skip

SPOKEN = (
    "What colour is the {k}?", "What color is the {k}?", "Where is the {k}?", "What shape is this?",
    "How many shapes are there?", "Is there a {c} {k}?", "Is the {k} {c}?", "Where is the {c} {k}?",
    "What shape do you see?", "What colour is the {k} in this picture?",
)  # fmt: skip

# The transcriber's thresholds were tuned on these sentences, so no figure uses them.
TUNED_ON = (
    "Why is the council meeting so late?", "What time does the train leave?", "Tell me about the history of Rome.",
    "How do I get to the harbour?", "The kettle is boiling.", "Where did I leave my keys?",
    "Who is the prime minister?", "I would like a sandwich.", "How many miles is it to Boston?",
    "Where is the nearest bank?", "Is there any milk left?", "What is the capital of Norway?",
    "Close the window please.", "He walked along the river.", "Please remind me on Friday.",
    "Which road goes to the coast?", "How tall is the tower?", "What does that mean?", "What kind of dog is that?",
    "Do you speak German?", "Is the library open today?", "What is your favourite song?", "Read me the morning news.",
    "Where are the children?", "How many eggs do we need?", "She bought a new bicycle.", "Can you hear the wind?",
    "Is the water cold?", "What did the doctor say?", "Where is the remote control?", "When will dinner be ready?",
    "The garden looks wonderful.", "What colour is your car?", "Is the meeting at three?",
    "How many seats are in the hall?", "What is in the oven?", "Find a good restaurant.", "Who scored the last goal?",
    "Is there a pharmacy nearby?", "It will probably rain tonight.", "My brother lives in a small village.",
    "Where can I park the car?", "What is the matter with you?", "How long does the journey take?",
    "Is dinner ready yet?", "Which film did you like best?", "Tell me when the bus arrives.",
    "There is a letter for you.", "Do you see what I mean?", "Can you see the sea?", "What sort of bread is this?",
    "How many brothers do you have?", "Where is the hospital?", "Is there any sugar?", "Is the coffee hot?",
    "What colour are the curtains?", "What shape is the loaf?", "Count to a hundred.", "Read me a chapter of my book.",
    "Describe your holiday.", "Who is at the door?", "Why did the chicken cross the road?", "When does spring begin?",
    "I have lost my umbrella.", "She plays the piano very well.", "We should leave at seven.",
    "Please turn the volume down.", "How do you spell necessary?", "What happened in the news today?",
    "The cat is asleep on the sofa.", "Are there any messages?", "Which platform is it?", "Where does this road go?",
    "Can you tell me the way to the museum?", "What does a ticket cost?", "Is it going to snow?",
    "Let us go for a walk.", "He is taller than his father.", "How many pages are left?", "Find my glasses please.",
)  # fmt: skip

OTHER_SPOKEN = (
    "The harvest was poor last summer.", "Who invented the telephone?", "Can I borrow your pencil?",
    "Where do swallows fly in winter?", "What is the best way to cook rice?", "How much is a return ticket?",
    "Is the museum closed on Mondays?", "My shoes are wet.", "What time shall we meet?", "Do you remember his name?",
    "How many players are in a team?", "Where is the salt?", "Is there a letter from my sister?",
    "What kind of music is that?", "Which way is north?", "Tell me what happened yesterday.",
    "Count your change carefully.", "Read the instructions twice.", "Describe the thief to the police.",
    "What colour was the bus?", "Is the baby asleep?", "Are there any tickets left?",
    "Can you see the mountain from here?", "He fell off his horse.", "They sailed around the world.",
    "Put the cups on the shelf.", "When is your birthday?", "Why is the sky blue?", "How far is the village?",
    "What is your address?", "Where did you learn English?", "Is that your final answer?",
    "The soup needs more pepper.", "Find the nearest petrol station.", "What shape are the cookies?",
    "How old is this castle?", "Does the train stop at York?", "I am looking for a present.",
    "It was a bright cold day in April.", "Please wait for me outside.",
)  # fmt: skip
