# SPDX-License-Identifier: MIT
# bash completion for accelctl(8).

_accelctl_devices()
{
	# The names and the ids; the lines behind the table are reasons.
	accelctl list 2>/dev/null | awk 'NR > 1 && $1 !~ /:$/ { print $1; print $2 }' | sort -u
}

_accelctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local words='' devices=1
	local line=${COMP_LINE:0:COMP_POINT} sub=${COMP_WORDS[1]-}
	COMPREPLY=()

	# ':' parts words by default, and ids have one.
	if [[ $COMP_WORDBREAKS == *:* && ! $line =~ [[:space:]]$ ]]; then
		word=${line##*[[:space:]]}
	fi
	if [[ $COMP_CWORD -eq 1 ]]; then
		words="list info doctor top monitor ras run trace metrics cdi firmware --help --version"
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
		return
	fi
	case $before in
	--output | --root)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--format)
		mapfile -t COMPREPLY < <(compgen -W "openmetrics prometheus" -- "$word")
		return
		;;
	--bytes | --size | --count | --timeout | --interval) return ;;
	--kind | --node | --error | --component) return ;;
	esac
	case $sub in
	list) words="--json --hardware --help" devices= ;;
	info) words="--json --open --help" ;;
	doctor) words="--json --no-job --root --help" ;;
	top) words="--once --json --interval --help" ;;
	monitor) words="--json --initial --count --timeout --help" devices= ;;
	ras)
		words="--json --node --error --help"
		[[ $COMP_CWORD -gt 2 ]] || words+=" list show clear"
		;;
	run) words="--json --bytes --size --count --timeout --help fill copy matmul" ;;
	trace)
		words="--summary --json --output --help --" devices=
		[[ " ${COMP_WORDS[*]:0:COMP_CWORD} " != *" -- "* ]] ||
			{ mapfile -t COMPREPLY < <(compgen -c -- "$word"); return; }
		;;
	metrics) words="--format --output --help" ;;
	cdi) words="--kind --output --help" ;;
	firmware)
		words="--json --component --help"
		[[ $COMP_CWORD -gt 2 ]] || words+=" info flash"
		;;
	*) return ;;
	esac
	[[ -z $devices ]] || words+=" $(_accelctl_devices)"
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	# Readline replaces what follows the last ':' only.
	if [[ $word == *:* && $COMP_WORDBREAKS == *:* ]]; then
		COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*:}"}"}")
	fi
}
complete -F _accelctl accelctl
