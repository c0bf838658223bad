from dl_techniques.catalogue._technique import Function, Technique

TECHNIQUES: tuple[Technique, ...] = ()

FUNCTIONS: tuple[Function, ...] = ()
