# SPDX-License-Identifier: MIT
# Compares uAPI headers as a compiler understands them.
