# The workflow stands in workflow/Snakefile; this file lets `snakemake --cores 8 all` and `snakemake figures` work as typed.
include: "workflow/Snakefile"
