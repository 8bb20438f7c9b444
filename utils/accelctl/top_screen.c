/* SPDX-License-Identifier: MIT */
/* top: the terminal. ncurses draws what has changed only, which is little over ssh. */
#include "top.h"

#include <curses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum colour {
	LOW = 1,
	MIDDLE,
	HIGH,
	HEADING
};

static void set_colours(void)
{
	if (!has_colors() || getenv("NO_COLOR"))
		return;
	start_color();
	use_default_colors();
	init_pair(LOW, COLOR_GREEN, -1);
	init_pair(MIDDLE, COLOR_YELLOW, -1);
	init_pair(HIGH, COLOR_RED, -1);
	init_pair(HEADING, COLOR_CYAN, -1);
}

static short colour_of(double level)
{
	return level < 0.6 ? LOW : level < 0.9 ? MIDDLE : HIGH;
}

static void draw_line(int row, const struct top_line *line)
{
	const attr_t attr = line->style == TOP_TITLE     ? A_BOLD
			    : line->style == TOP_HEADING ? A_BOLD | A_UNDERLINE
							 : A_NORMAL;

	attrset((int)attr);
	mvaddstr(row, 0, line->text);
	attrset(A_NORMAL);
	if (line->style == TOP_HEADING)
		mvchgat(row, 0, -1, A_BOLD, HEADING, NULL);
	if (line->bar_columns)
		mvchgat(row, (int)line->bar, (int)line->bar_columns, A_NORMAL,
			colour_of(line->level), NULL);
}

static void draw(const struct top *top, struct top_screen *screen, unsigned int *from)
{
	static const char keys[] = "q quit  + slower  - faster  up, down scroll";
	const unsigned int rows = LINES > 1 ? (unsigned int)LINES - 1 : 1;
	unsigned int i, past;

	top_render(top, screen, COLS > 0 ? (unsigned int)COLS : TOP_WIDTH);
	past = screen->lines > rows ? screen->lines - rows : 0;
	if (*from > past)
		*from = past;
	erase();
	for (i = 0; i < rows && *from + i < screen->lines; i++)
		draw_line((int)i, &screen->line[*from + i]);
	attrset(A_DIM);
	mvaddnstr(LINES - 1, 0, keys, COLS - 1);
	attrset(A_NORMAL);
	refresh();
}

/* False: the user wants it to end. */
static bool handle_key(struct top *top, int key, unsigned int *from)
{
	switch (key) {
	case 'q':
	case 'Q':
	case 27: /* Esc */
		return false;
	case '+':
		top->interval = top->interval < 60 ? top->interval * 2 : 60;
		break;
	case '-':
		top->interval = top->interval > 0.2 ? top->interval / 2 : 0.1;
		break;
	case KEY_DOWN:
	case 'j':
		++*from;
		break;
	case KEY_UP:
	case 'k':
		*from -= *from > 0;
		break;
	case KEY_NPAGE:
		*from += (unsigned int)LINES / 2;
		break;
	case KEY_PPAGE:
		*from -= *from < (unsigned int)LINES / 2 ? *from : (unsigned int)LINES / 2;
		break;
	default:
		break;
	}
	return true;
}

int top_interactive(struct top *top)
{
	struct top_screen screen = {0};
	unsigned int from = 0;
	int status = CTL_OK, key;

	/* newterm() says what is wrong where initscr() would end the process. */
	if (!newterm(NULL, stdout, stdin))
		return ctl_fail(CTL_FAILED,
				"the terminal '%s' is not known here; set TERM=xterm, or "
				"use --once",
				getenv("TERM") ? getenv("TERM") : "");
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	set_escdelay(50);
	set_colours();
	for (;;) {
		draw(top, &screen, &from);
		timeout((int)(top->interval * 1000));
		key = getch();
		if (key != ERR && !handle_key(top, key, &from))
			break;
		/* A key shows its effect at once; the next look comes after a whole interval. */
		if (key == ERR) {
			status = top_update(top);
			if (status)
				break;
		}
	}
	endwin();
	free(screen.line);
	return status;
}
