from dl_techniques.catalogue._technique import Technique

TECHNIQUES: tuple[Technique, ...] = ()
