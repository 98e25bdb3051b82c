"""How the classifiers in `genaiops.checks.classifying` were made, by one command each: see README.md.

Texts come from packages that are fetched at run time and never kept in the repository; none is ever printed.
"""

import os

# Before numpy is imported: sums of several threads come in no fixed order, and the last bits of the weights with them.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
