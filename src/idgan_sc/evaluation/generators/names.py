"""Name what tables of generators hold."""

GENERATOR_CODE = "generator"  # in the column `code`: the true code c against the generated factors
Q_CODE = "q"  # likewise: what the run's encoder makes of as many true images, against their factors
DISTILLED = "distilled"  # in the column `metric`, of generators whose codes come from a β-VAE

RULES = ("change_one", "keep_one")
UNRELATED = "unrelated"  # pairs of independent codes and noise, for comparison
OF_CODE = "code_"  # starts the measures of pairs in which one given code differs

HELD_OUT = "held_out_"  # and a factor: a row of `generator_scores.csv`
TRUE = "_true"  # precision and recall of as many other true images
