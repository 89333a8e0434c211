"""Words that say nothing of a text's subject. Of a language that is not here, none are known."""

_WORDS = {
    "en": (
        "a about above actually after again against all almost alone along already also although "
        "always am an and another any anybody anyone anything anyway are around as ask asked at "
        "away back basically be became because become been before being below between both bring "
        "but by came can cannot come could couldn't did didn't do does doesn't doing don't done "
        "down during each either else enough even ever every everybody everyone everything far "
        "few first for from gave get gets getting give gives go goes going gone gonna good got "
        "great had has have haven't having he he'll he's hello her here here's hers herself him "
        "himself his how however i i'd i'll i'm i've if in instead into is isn't it it'll it's "
        "its itself just keep kind know last least less let let's like little long look looking "
        "lot lots made make makes making many may maybe me mean might more most much must my "
        "myself need needs never next no nobody none nor not nothing now of off often oh ok okay "
        "on once one ones only onto or other others our ours out over own part people perhaps "
        "please put quite rather really right said same say says second see seem seen shall she "
        "should show shows since so some somebody someone something sometimes soon still such "
        "sure take takes than thank thanks that that's the their them themselves then there "
        "there's these they they're thing things think this those though three through thus time "
        "to today together too two uh um under until up upon us use used using very want wants "
        "was wasn't way we we'll we're we've welcome well went were what what's when where "
        "whether which while who whole whom whose why will with within without won't would "
        "wouldn't yeah yes yet you you'll you're you've your yours yourself"
    ),
    "de": (
        "aber alle allem allen aller alles als also am an ander andere anderem anderen anderer "
        "auch auf aus bei beim bin bis bist bitte da dabei dadurch daher damit danach dann das "
        "dass daß davon dazu dein deine dem den denn der des deshalb die dies diese diesem diesen "
        "dieser dieses doch dort du durch ein eine einem einen einer eines einfach einige er erst "
        "es etwas euch euer für gar ganz geht genau gibt gut hab habe haben hat hatte hatten hier "
        "hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in ins ist ja jede jedem "
        "jeden jeder jedes jetzt kann kannst kein keine können könnt könnte lassen machen mal man "
        "mehr mein meine mich mir mit muss müssen nach nachdem nicht nichts noch nun nur ob oben "
        "oder ohne schon sehen sehr sein seine seinem seinen seiner selbst sich sie sind so sobald "
        "solche soll sollen sollte sondern sonst über um und uns unser unsere unten unter viel "
        "vom von vor wann war waren warum was weil weiter welche welcher wenn wer werde werden wie "
        "wieder will wir wird wo wollen wurde wurden zu zum zur zuerst zwar zwischen"
    ),
    "fr": (
        "afin ai aie ainsi alors après au aucun aussi autre aux avait avant avec avez avoir avons "
        "bien bon car ce ceci cela celle celui ces cet cette ceux chaque chez comme comment dans "
        "de des depuis deux dire doit donc dont du elle elles en encore entre est et étaient était "
        "être eu fait faire fois font ici il ils je jusque la là le les leur leurs lors lui ma "
        "mais me même mes mettre moi moins mon ne nos notre nous on ont ou où par parce pas "
        "pendant peu peut plus pour pourquoi puis quand que quel quelle quelque qui quoi sa sans "
        "se sera ses si son sont sous sur ta tes toi ton tous tout toute toutes très trop tu un "
        "une va vais vers voici voilà vont vos votre vous"
    ),
    "es": (
        "a ahora al algo algunas algunos allí ante antes aquí así aun aunque bien bueno cada como "
        "con contra cual cuando cuál de del desde después donde dos durante e el él ella ellas "
        "ellos en entonces entre era eran es esa esas ese eso esos esta está están estar estas "
        "este esto estos fue fueron ha había hacer hacia han hasta hay la las le les lo los luego "
        "más me mi mientras mis mismo mucho muchos muy nada ni no nos nosotros nuestra nuestro o "
        "os otra otro otros para pero poco por porque primero puede pueden pues que qué quien se "
        "sea ser si sí siempre sin sobre solo son su sus también tan tanto te tener tiene tienen "
        "toda todas todo todos tu un una unas uno unos usted va vamos ver vez y ya yo"
    ),
}
_SETS = {language: frozenset(words.split()) for language, words in _WORDS.items()}


def stop_words(language: str) -> frozenset[str]:
    """The stop words of a BCP 47 tag's language; English where the language is not known."""
    return _SETS.get(language.partition("-")[0].lower() or "en", frozenset())
