"""A replication of IDGAN-SC (information distillation GAN with supervised contrastive regularisation)."""
