#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The framebuffer tier: our starter's Xvfb paints into a sealed memfd, nginx
# inherits it read-only and reads the pixels in place.  The picture must be
# the one that the portable way shows, also after a resize and after X died.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Picture;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => 0, timeout => 120);
my $starter = $t->build() . '/selkies-xvfb';

plan(skip_all => "no $starter") unless -x $starter;

my $number = $t->reserve_display();

mkdir $t->dir() . '/desktop';
$t->{xauth} = $t->dir() . '/desktop/Xauthority';
$t->simple(location => 'selkies_framebuffer fd:9; selkies_capture fb;');
$t->run(starter => [ $starter, '-r', $t->dir() . '/desktop', '-d', $number,
	'-m', '2560x1440', '-i', '1024x768', '-f', 9, '--' ]);
is((glob "/tmp/.X11-unix/X$number")[0] && -S "/tmp/.X11-unix/X$number" ? 1 : 0,
	1, 'the display is there');

my ($worker) = $t->workers();

ok((grep { (readlink || '') =~ /memfd/ } glob "/proc/$worker/fd/*"),
	'the worker has a memfd');

my $x = $t->x_client();

$x->tell('card');

###############################################################################

my $c = Selkies::WebSocket->controller($t, 1280, 720);

ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }), 'the test card');

# the descriptor's file, found in the memory map by its inode

my $inode = (stat "/proc/$worker/fd/9")[1];
my @maps = grep { (split)[4] eq $inode }
	split /\n/, $t->read_file("/proc/$worker/maps");

ok(scalar @maps, 'mapped') or diag($inode);
is(scalar(grep { (split)[1] =~ /w/ } @maps), 0, 'and not writable');

# the software cursor must not be in the picture

$c->send_text('m,320,180,0,0');
$c->round_trip();
$c->wait_quiet(1, 10);
ok($c->picture()->card_distance() <= 4, 'the cursor is not in it');

for my $size ([ 1920, 1080 ], [ 801, 601 ], [ 2560, 1440 ], [ 2, 2 ],
	[ 1366, 768 ])
{
	my ($w, $h) = map { $_ & ~1 } @$size;

	$c->send_text("r,$size->[0]x$size->[1],primary");
	ok($c->wait_frame(key => 1, w => $w, h => $h, timeout => 8), "$w x $h");
	next if $w < 64;
	ok($c->wait_picture(sub { $_[0]->width() == $w
		&& $_[0]->card_distance() <= 4 }, 8), "$w x $h: the card");
}

# many small changes: none is lost

for my $i (1 .. 40) {
	$x->draw(20 * $i, 10 * $i, 30, 30, sprintf '%06x', $i * 400009 & 0xffffff);
}

for my $i (1, 20, 40) {
	ok($c->wait_pixel(20 * $i + 10, 10 * $i + 5, sprintf('%06x',
		$i * 400009 & 0xffffff), 3, 24), "change $i is there");
}

###############################################################################
# X dies: the starter starts it again, with the same framebuffer

$x->quit();

my ($x_pid) = grep { $t->read_file("/proc/$_/cmdline") =~ /^\S*Xvfb/ }
	map { m!/proc/(\d+)$! ? $1 : () }
	grep { ($t->read_file("$_/cmdline") || '') =~ /\Q$t->{dir}\E/ }
	glob '/proc/[0-9]*';

ok($x_pid, 'Xvfb found');
kill 'KILL', $x_pid if $x_pid;
$c->forget();

my $start = clock();

ok(wait_for(sub { $t->x_run('xset q >/dev/null 2>&1') }, 10),
	'X is back after kill -9');
note(sprintf '%.0f ms after the kill', 1000 * (clock() - $start));
$x = $t->x_client();
ok(wait_for(sub { $x->size() eq '1366x768' }, 8), 'and its size');
$x->tell('card');
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }), 'so is the picture');
is(join(' ', $t->workers()), $worker, 'the same worker');

$t->reload();
ok($c->wait_close(5), 'reload');
$c->drop();
$c = Selkies::WebSocket->controller($t, 1366, 768);
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }),
	'new workers inherit the framebuffer');
$c->close();
$x->quit();
delete $t->{number} if ok($t->stop('QUIT'), 'all of it ends')
	&& !-e "/tmp/.X11-unix/X$number";

$t->done();
