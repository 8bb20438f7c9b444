# SPDX-License-Identifier: GPL-2.0
# Find the kernel's reports of its own faults in its console output and print them, but for
# those whose first line matches an expression in the file "allow".

BEGIN {
	while (allow != "" && (getline line < allow) > 0)
		if (line != "" && line !~ /^#/)
			allowed[++n] = line
	title = "(^|[^A-Za-z])(WARNING: |BUG: |INFO: (task|possible|rcu|lockdep|suspicious|trying)|" \
		"Oops|Kernel panic|UBSAN: |KASAN: |refcount_t: |general protection|" \
		"Internal error|kernel BUG at|possible recursive locking|inconsistent lock state|" \
		"bad unlock balance|held lock freed|Memory manager not clean|" \
		"still has locks held|suspicious RCU usage|unreferenced object|" \
		"kmemleak: [0-9]+ new suspected)"
}

$0 ~ title {
	# A report's later lines may look like the beginning of another.
	if (lines > 0 && $0 ~ /^ / )
		next
	for (i = 1; i <= n; i++)
		if ($0 ~ allowed[i]) {
			lines = -1
			next
		}
	if (++reports <= 20) {
		print "kernel: " $0
		lines = 30
		next
	}
}

lines > 0 {
	print "kernel: " $0
	lines--
	if ($0 ~ /---\[ end trace/)
		lines = 0
}

END {
	if (reports > 20)
		print "kernel: and " reports - 20 " more reports"
}
