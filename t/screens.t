#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# One desktop on several screens: each page shows its part of it and points
# into its part, wherever it lies; the others go on when one comes or goes.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1920x1200', workers => 2, timeout => 120);

$t->simple(
	http => 'selkies_ring_size 4m;',
	server => 'location /one/ { %%SELKIES%% selkies_second_screen off; }');

my $x = $t->x_client();

$t->run();

my ($red, $green, $blue, $grey) = qw/ c02020 20a040 2040c0 808080 /;

# A page of a further screen; it waits for its first picture.

sub screen {
	my ($id, $side, $w, $h, %o) = @_;

	return Selkies::WebSocket->controller($t, $w, $h, %o,
		settings => { displayId => "\"$id\"",
			displayPosition => "\"$side\"" });
}

sub sized {
	my ($size, $name) = @_;

	ok(wait_for(sub { $x->size() eq $size }, 5), $name)
		or diag($x->size());
}

# What is at a point of the X screen is what a page shows at one of its own.
# The window that is drawn in is blank once it has heard of another size.

my $n = 0;

sub shows {
	my ($page, $px, $py, $sx, $sy, $name) = @_;

	my $colour = ($red, $green, $blue, $grey)[$n++ % 4];
	my $shown;

	for (1 .. 5) {
		$x->draw($sx - 16, $sy - 16, 32, 32, $colour);
		last if $shown = $page->wait_pixel($px, $py, $colour, 1);
	}

	ok($shown, $name);
}

sub points {
	my ($page, $px, $py, $sx, $sy, $name) = @_;

	my @at;

	$page->send_text("m,$px,$py,0,0");
	ok(wait_for(sub { @at = $x->pointer(); $at[0] == $sx && $at[1] == $sy },
		3), $name) or diag("@at");
}

sub displays {
	my ($page, $list, $name) = @_;

	my $want = join ',', map { "\"$_\"" } @$list;

	ok($page->wait_text(
		qr/^DISPLAY_CONFIG_UPDATE,.*"displays":\[\Q$want\E\]/, 5), $name);
}

sub monitors {
	local %ENV = (%ENV, $t->x_environment());

	my $out = `xrandr --listmonitors`;

	return join ' ', sort map {
		/selkies-(\w+)\s+(\d+)\/\d+x(\d+)\/\d+\+(\d+)\+(\d+)/
			? "$1:$2x$3+$4+$5" : () } split /\n/, $out;
}

###############################################################################

my $one = Selkies::WebSocket->controller($t, 640, 480);

sized('640x480', 'one screen');
points($one, 700, 100, 639, 100, 'input is kept on it');

my $two = screen('display2', 'right', 400, 600);

sized('1040x600', 'a second one, right of it: X has room for both');
displays($one, [ qw/ primary display2 / ], 'the first page hears of it');
is(monitors(), 'display2:400x600+640+0 primary:640x480+0+0',
	'programs see two monitors');
shows($one, 100, 100, 100, 100, 'the first page shows the left part');
shows($two, 100, 100, 740, 100, 'the second page the right part');
shows($two, 380, 580, 1020, 580, 'to its corner');
points($one, 700, 500, 639, 479, 'input of the first stays on its screen');
points($two, 10, 20, 650, 20, 'input of the second is offset');
points($two, 4000, 4000, 1039, 599, 'and kept on its screen');

# what is drawn on one costs the other nothing

$_->wait_quiet(1, 10) for $one, $two;
my $before = $one->{nframes};
shows($two, 200, 200, 840, 200, 'what is drawn on the second');
$one->wait_quiet(0.5, 5);
is($one->{nframes}, $before, 'is no picture for the first');

# a picture of the second screen is not for viewers

my $viewer = Selkies::WebSocket->viewer($t);

shows($viewer, 300, 300, 300, 300, 'who watches is shown the first');
$viewer->close();

$two->send_text('r,500x300,display2');
sized('1140x480', 'another size of the second');
ok($two->wait_frame(key => 1, w => 500, h => 300, timeout => 5),
	'its pictures have it');
shows($two, 490, 290, 1130, 290, 'and show all of it');
shows($one, 600, 400, 600, 400, 'the first is where it was');

$two->send_text('r,320x200,primary');
$one->round_trip();
is($x->size(), '1140x480', 'a page has no say in the size of another');

$one->send_text('r,800x600,primary');
sized('1300x600', 'another size of the first');
shows($two, 20, 20, 820, 20, 'moves the second');
points($two, 1, 1, 801, 1, 'and its input');

# takeover and return, screen by screen

my $other = screen('display2', 'left', 500, 300);

ok($two->wait_text(qr/^KILL a new display2 client connected/, 5),
	'another page takes the second over');
sized('1300x600', 'at the other side: X has the size it had');
shows($other, 20, 20, 20, 20, 'it is left of the first');
shows($one, 20, 20, 520, 20, 'which moved');
points($one, 5, 6, 505, 6, 'with its input');
is(monitors(), 'display2:500x300+0+0 primary:800x600+500+0',
	'and the monitors');
ok($one->is_open(), 'the first goes on');

my $third = screen('display3', 'down', 700, 200);

sized('1300x800', 'a third one, below');
displays($one, [ qw/ primary display2 display3 / ], 'three are told');
shows($third, 30, 30, 30, 630, 'it shows its part');
points($third, 699, 199, 699, 799, 'and points into it');

# its page goes: the screen stays for a while, then its room is given back

$third->close();
sized('1300x600', 'a screen without a page is given up');
displays($one, [ qw/ primary display2 / ], 'and the others are told');
shows($other, 40, 40, 40, 40, 'they go on');

# the first page goes, the second keeps its place

$one->close();
shows($other, 60, 60, 60, 60, 'the second goes on without the first');
$one = Selkies::WebSocket->controller($t, 800, 600);
shows($one, 60, 60, 560, 60, 'which comes back where it was');

# the worker that owns the desktops is killed

my $owner = $t->owner();
my %lost = map { $_ => $t->worker_of($_) == $owner } $one, $other;

$t->kill_worker($owner);
$t->expect_log(qr/exited on signal 9/);

for my $page ($one, $other) {
	is(!!$page->wait_eof($lost{$page} ? 5 : 0.2), !!$lost{$page},
		'pages of the killed worker are closed, and no others');
}

$one = Selkies::WebSocket->controller($t, 800, 600) unless $one->is_open();
$other = screen('display2', 'left', 500, 300) unless $other->is_open();

shows($other, 70, 70, 70, 70, 'after a killed worker the second is there');
shows($one, 70, 70, 570, 70, 'and the first');

$other->close();
sized('800x600', 'with one page the desktop is on one screen again');
is(monitors(), '', 'and X has its own monitor');
shows($one, 790, 590, 790, 590, 'all of it is shown');

# refused

my $no = Selkies::WebSocket->controller($t, 640, 480, nowait => 1,
	path => '/one/websockets', settings => { displayId => '"display2"' });

ok($no->wait_text(qr/^KILL Second screens are disabled/, 5),
	'switched off: refused with a reason');
is($no->wait_close(3) && $no->{close}{code}, 1008, 'and closed');

$no = Selkies::WebSocket->controller($t, 640, 480, nowait => 1,
	settings => { displayId => '"display5"' });
ok($no->wait_text(qr/^KILL /, 5), 'so is a screen there is not');

$no = Selkies::WebSocket->controller($t, 640, 480, nowait => 1,
	settings => { displayId => '"display2/../primary"' });
ok($no->wait_text(qr/^KILL /, 5), 'and a name that none can have');
ok($one->is_open(), 'nobody is driven away by it');

my $watch = Selkies::WebSocket->new($t);

$watch->send_text('SETTINGS,{"displayId":"display2","initialClientWidth":320,'
	. '"initialClientHeight":200}');
ok($watch->wait_frame(key => 1, w => 320, timeout => 5),
	'a claim of the second screen alone');
$watch->close();
$one->close();

$t->done();
