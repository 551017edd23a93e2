//! The books that a new stack begins with.

/// Title and author.
pub(crate) const CATALOGUE: [(&str, &str); 24] = [
    ("The Tale of Genji", "Murasaki Shikibu"),
    ("Don Quixote", "Miguel de Cervantes"),
    ("Dream of the Red Chamber", "Cao Xueqin"),
    ("Emma", "Jane Austen"),
    ("Frankenstein", "Mary Shelley"),
    ("Les Misérables", "Victor Hugo"),
    ("Moby-Dick", "Herman Melville"),
    ("Middlemarch", "George Eliot"),
    ("War and Peace", "Leo Tolstoy"),
    ("The Brothers Karamazov", "Fyodor Dostoevsky"),
    ("Kokoro", "Natsume Sōseki"),
    ("Mrs Dalloway", "Virginia Woolf"),
    ("The Trial", "Franz Kafka"),
    ("Their Eyes Were Watching God", "Zora Neale Hurston"),
    ("Nineteen Eighty-Four", "George Orwell"),
    ("呐喊", "鲁迅"),
    ("Things Fall Apart", "Chinua Achebe"),
    ("Pedro Páramo", "Juan Rulfo"),
    ("The Master and Margarita", "Mikhail Bulgakov"),
    ("One Hundred Years of Solitude", "Gabriel García Márquez"),
    ("The Left Hand of Darkness", "Ursula K. Le Guin"),
    ("Season of Migration to the North", "Tayeb Salih"),
    ("Beloved", "Toni Morrison"),
    ("The God of Small Things", "Arundhati Roy"),
];
